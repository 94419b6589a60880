# Two of the ten alarms that are free in an account. None is about error responses of the app: some
# apps always have some, and a release compares those of both versions.

locals {
  # Composed, so that this root can be planned while the one with the topic is still being applied.
  alarm_topic_arn = join(":", [
    "arn", data.aws_partition.current.partition, "sns", var.region, data.aws_caller_identity.current.account_id, "${local.id}-alarms",
  ])
}

# Counts invocations without a response: the app did not start, timed out, ran out of memory, or the
# edge exited. A response with any status does not count.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.id}-function-errors"
  alarm_description = "At least 10 invocations of ${local.id} in 5 minutes ended without an answer: the app did not start, or ran out of time or memory"

  namespace   = "AWS/Lambda"
  metric_name = "Errors"
  # Only requests of users: `live` is the alias of the API. A release invokes other versions itself.
  dimensions = {
    FunctionName = aws_lambda_function.app.function_name
    Resource     = "${aws_lambda_function.app.function_name}:${aws_lambda_alias.live.name}"
  }

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching" # no invocations, no errors: the metric is absent then

  alarm_actions = [local.alarm_topic_arn]
}

# Counts requests that the API accepted and Lambda throttled. A new account may run 10 invocations
# at once, so a few are just a burst. For ten in five minutes, check the account's limit.
resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name        = "${local.id}-function-throttles"
  alarm_description = "Lambda refused at least 10 requests to ${local.id} in 5 minutes: as many ran at once as function or account may"

  namespace   = "AWS/Lambda"
  metric_name = "Throttles"
  # Only requests of users: `live` is the alias of the API. A release invokes other versions itself.
  dimensions = {
    FunctionName = aws_lambda_function.app.function_name
    Resource     = "${aws_lambda_function.app.function_name}:${aws_lambda_alias.live.name}"
  }

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching" # no invocations, no throttles: the metric is absent then

  alarm_actions = [local.alarm_topic_arn]
}
