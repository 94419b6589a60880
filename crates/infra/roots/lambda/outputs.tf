output "url" {
  description = "Public URL of the app."
  value       = aws_apigatewayv2_api.main.api_endpoint
}

output "api_id" {
  description = "HTTP API in front of the function."
  value       = aws_apigatewayv2_api.main.id
}

output "function" {
  description = "Name of the function."
  value       = aws_lambda_function.app.function_name
}

output "function_arn" {
  description = "Function without version or alias."
  value       = aws_lambda_function.app.arn
}

output "alias" {
  description = "Alias that gets users' requests."
  value       = aws_lambda_alias.live.name
}

output "log_group" {
  description = "Log group that the function writes to."
  value       = aws_cloudwatch_log_group.function.name
}

output "access_log_group" {
  description = "Log group with one line for each request of the API."
  value       = aws_cloudwatch_log_group.access.name
}

output "role_arn" {
  description = "Role of the function."
  value       = aws_iam_role.function.arn
}
