# HTTPS without a domain of one's own: an HTTP API brings a host name and its certificate. It costs nothing until someone asks.
resource "aws_apigatewayv2_api" "main" {
  name          = local.id
  description   = "Front door of ${local.id}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "live" {
  api_id                 = aws_apigatewayv2_api.main.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST" # how the API calls Lambda, whatever the user's method
  integration_uri        = aws_lambda_alias.live.arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000 # as long as an HTTP API ever waits
}

# Every method and path: the app knows its own.
resource "aws_apigatewayv2_route" "default" {
  #checkov:skip=CKV_AWS_309:the app is for everyone, and whom it lets in is its own business
  api_id    = aws_apigatewayv2_api.main.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.live.id}"
}

# The stage of this name puts nothing before the app's paths.
resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.main.id
  name        = "$default"
  auto_deploy = true

  # The guard of the bill: every request costs, whoever sends it, so strangers get 429 before they cost more than this lets
  # through. The README says how much that is.
  default_route_settings {
    throttling_rate_limit  = var.rate_limit
    throttling_burst_limit = var.burst_limit
  }

  # No query string and no address: both can hold what nobody agreed to have written down.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      request           = "$context.requestId"
      time              = "$context.requestTime"
      method            = "$context.httpMethod"
      path              = "$context.path"
      status            = "$context.status"
      latency_ms        = "$context.responseLatency"
      integration_error = "$context.integrationErrorMessage"
      integration_ms    = "$context.integrationLatency"
    })
  }

  # Asked before the function lets it, the API would answer users with 500.
  depends_on = [aws_lambda_permission.api]
}

# This API may call what the alias leads to, and nothing else of the function.
resource "aws_lambda_permission" "api" {
  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.app.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.main.execution_arn}/*"
}
