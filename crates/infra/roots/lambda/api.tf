# HTTPS without a domain of your own: an HTTP API provides a host name with a certificate. It costs
# nothing without requests.
resource "aws_apigatewayv2_api" "main" {
  name          = local.id
  description   = "Front door of ${local.id}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "live" {
  api_id                 = aws_apigatewayv2_api.main.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST" # for the call of Lambda, regardless of the user's method
  integration_uri        = aws_lambda_alias.live.arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000 # the maximum of an HTTP API
}

# All methods and paths; the app does its own routing.
resource "aws_apigatewayv2_route" "default" {
  #checkov:skip=CKV_AWS_309:the app is public and does its own authorization
  api_id    = aws_apigatewayv2_api.main.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.live.id}"
}

# A stage of this name adds no prefix to the app's paths.
resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.main.id
  name        = "$default"
  auto_deploy = true

  # Limits the bill: every request costs money, so requests above the limit get status 429. The
  # README says what the limit costs.
  default_route_settings {
    throttling_rate_limit  = var.rate_limit
    throttling_burst_limit = var.burst_limit
  }

  # No query strings and no addresses, because they can contain personal data.
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

  # Without the permission, the API would return status 500 to users.
  depends_on = [aws_lambda_permission.api]
}

# The API may invoke the alias, and nothing else of the function.
resource "aws_lambda_permission" "api" {
  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.app.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.main.execution_arn}/*"
}
