output "role_arns" {
  description = "ARN of each role, by the suffix of its name."
  value       = merge({ deploy = aws_iam_role.deploy.arn }, { for key, role in aws_iam_role.job : key => role.arn })
}
