# No source conditions as in the roles of tasks: AWS documents none for an execution role of Lambda,
# and only principals of this account can pass the role to a function.
data "aws_iam_policy_document" "assumed_by_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# On Lambda, one role writes the logs, reads the secrets and is the app's identity. Lambda itself
# pulls the image, with the repository's policy.
resource "aws_iam_role" "function" {
  name                 = "${local.id}-function"
  description          = "Lets the function ${local.id} write its logs and read its secrets, and nothing else"
  path                 = var.role_path
  permissions_boundary = local.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assumed_by_lambda.json
}

# No logs:CreateLogGroup: a late invocation would create the group again after it was destroyed.
data "aws_iam_policy_document" "function" {
  statement {
    sid = "WriteLogs"
    actions = [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
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

resource "aws_iam_role_policy" "function" {
  name   = "write-logs"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}
