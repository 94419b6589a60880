# Two of the ten alarms that are free in an account. Errors that the app answers with raise none: some apps always have some,
# and judging them is the business of a release.

locals {
  # Composed, not read, so that this root can be planned while the one that makes the topic is still being applied.
  alarm_topic_arn = join(":", [
    "arn", data.aws_partition.current.partition, "sns", var.region, data.aws_caller_identity.current.account_id, "${local.id}-alarms",
  ])
}

# Counts invocations that gave no answer at all: the app did not start, ran out of time or memory, or the edge ended. Whatever
# status the app answers with is an answer.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.id}-function-errors"
  alarm_description = "At least 10 invocations of ${local.id} in 5 minutes ended without an answer: the app did not start, or ran out of time or memory"

  namespace   = "AWS/Lambda"
  metric_name = "Errors"
  dimensions = {
    FunctionName = aws_lambda_function.app.function_name
  }

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching" # no invocations, no errors: the metric is absent then

  alarm_actions = [local.alarm_topic_arn]
  ok_actions    = [local.alarm_topic_arn]
}

# Each is a request that the API let through and Lambda refused. A new account runs 10 invocations at once, so a few of them
# now and then are a burst; ten in five minutes want a look at the account's limit.
resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name        = "${local.id}-function-throttles"
  alarm_description = "Lambda refused at least 10 requests to ${local.id} in 5 minutes: as many ran at once as function or account may"

  namespace   = "AWS/Lambda"
  metric_name = "Throttles"
  dimensions = {
    FunctionName = aws_lambda_function.app.function_name
  }

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching" # no invocations, no throttles: the metric is absent then

  alarm_actions = [local.alarm_topic_arn]
  ok_actions    = [local.alarm_topic_arn]
}
