output "repository_url" {
  description = "Repository of the app's images, without tag or digest."
  value       = aws_ecr_repository.app.repository_url
}

output "repository_name" {
  description = "Name of the repository within the registry."
  value       = aws_ecr_repository.app.name
}

output "log_group" {
  description = "Log group that the app's containers write to."
  value       = aws_cloudwatch_log_group.app.name
}

output "execution_role_arn" {
  description = "Role that ECS uses to start a task."
  value       = aws_iam_role.execution.arn
}

output "task_role_arn" {
  description = "Role of the running app."
  value       = aws_iam_role.task.arn
}

output "alarm_topic_arn" {
  description = "Topic of alarms and budget alerts."
  value       = aws_sns_topic.alarms.arn
}
