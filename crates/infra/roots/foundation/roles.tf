data "aws_iam_policy_document" "assumed_by_tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    # ECS serves all accounts. Without these two conditions, it could use the roles for a task of
    # another account (the confused deputy problem).
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:ecs:${var.region}:${data.aws_caller_identity.current.account_id}:*"]
    }
  }
}

# ECS uses this role to start a task, before any code of the app runs.
resource "aws_iam_role" "execution" {
  name                 = "${local.id}-execution"
  description          = "Lets ECS pull the image, write the logs and read the secrets of ${local.id}"
  path                 = var.role_path
  permissions_boundary = local.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assumed_by_tasks.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action supports no narrower resource
  }

  statement {
    sid = "PullImage"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
    ]
    resources = [aws_ecr_repository.app.arn]
  }

  # No logs:CreateLogGroup: a task that stops late would create the group again after it was
  # destroyed.
  statement {
    sid = "WriteLogs"
    actions = [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]
    resources = ["${aws_cloudwatch_log_group.app.arn}:*"]
  }

  # Both stores, so that changing `secrets_store` changes nothing here. No KMS, because the policy
  # of the AWS-managed keys allows everyone who may read a value through its store.
  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameters"]
    resources = [local.parameters_arn]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [local.secrets_arn]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

# The app's own role, without any permission. It is a separate role so that a permission that is
# added for the app later never extends the execution role.
resource "aws_iam_role" "task" {
  name                 = "${local.id}-task"
  description          = "Identity of the running ${local.id}; has no permissions"
  path                 = var.role_path
  permissions_boundary = local.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assumed_by_tasks.json
}
