# Three of the ten alarms that are free in an account. None is about errors of the app itself: some
# apps always have some, and a release compares those of both versions.

locals {
  # Composed, so that this root can be planned while the one with the topic is still being applied.
  alarm_topic_arn = join(":", [
    "arn", data.aws_partition.current.partition, "sns", var.region, data.aws_caller_identity.current.account_id, "${local.id}-alarms",
  ])
}

resource "aws_cloudwatch_metric_alarm" "load_balancer_errors" {
  alarm_name        = "${local.id}-load-balancer-errors"
  alarm_description = "The load balancer of ${local.id} answered at least 10 requests in 5 minutes with an error of its own: no task took them"

  namespace   = "AWS/ApplicationELB"
  metric_name = "HTTPCode_ELB_5XX_Count"
  dimensions = {
    LoadBalancer = aws_lb.main.arn_suffix
  }

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching" # no requests, no errors: the metric is absent then

  alarm_actions = [local.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each = local.slots

  alarm_name        = "${local.id}-${each.key}-unhealthy"
  alarm_description = "A task in the ${each.key} slot of ${local.id} has failed its health checks for 3 minutes"

  namespace   = "AWS/ApplicationELB"
  metric_name = "UnHealthyHostCount"
  dimensions = {
    LoadBalancer = aws_lb.main.arn_suffix
    TargetGroup  = aws_lb_target_group.slot[each.key].arn_suffix
  }

  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching" # an idle slot has no tasks and reports nothing

  alarm_actions = [local.alarm_topic_arn]
}
