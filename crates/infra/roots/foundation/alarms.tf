# The other roots refer to it by name, because they do not read this root's outputs.
resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:the AWS-managed key does not let CloudWatch and Budgets publish, and a customer key costs USD 1 a month; the messages hold no secrets
  name = "${local.id}-alarms"
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "BudgetsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:budgets::${data.aws_caller_identity.current.account_id}:*"]
    }
  }

  statement {
    sid       = "AlarmsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:cloudwatch:${var.region}:${data.aws_caller_identity.current.account_id}:alarm:*"]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.alarm_emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# Counts the whole account and not only this app: a filter by tag works only after someone has
# activated the tag for billing, and a budget that silently counts nothing is worse than one that
# counts too much.
resource "aws_budgets_budget" "monthly" {
  count = var.has_budget ? 1 : 0

  name         = local.id
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(max(var.budget, 0.01)) # a budget of 0 can't be exceeded by a percentage
  limit_unit   = "USD"

  # Costs that credits pay for count. Otherwise a new account would get no alert until its credits
  # are used up.
  cost_types {
    include_credit = false
  }

  # The first day of any month in the past. Older providers require a start, and a computed one
  # would change every month.
  time_period_start = "2024-01-01_00:00"

  dynamic "notification" {
    for_each = toset([80, 100])

    content {
      notification_type         = "ACTUAL"
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
    }
  }

  # AWS Budgets rejects a topic that it may not publish to.
  depends_on = [aws_sns_topic_policy.alarms]
}

# Environments from before `has_budget` have it without an index.
moved {
  from = aws_budgets_budget.monthly
  to   = aws_budgets_budget.monthly[0]
}
