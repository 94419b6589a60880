# No source conditions as the roles of tasks have them: AWS documents none for the trust of an execution role, and only
# someone of this account can pass the role to a function.
data "aws_iam_policy_document" "assumed_by_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# On Lambda one role writes the logs, reads the secrets and is the app's identity. The image is pulled by Lambda itself, by the policy of the
# repository.
resource "aws_iam_role" "function" {
  name               = "${local.id}-function"
  description        = "Lets the function ${local.id} write its logs and read its secrets, and nothing else"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_lambda.json
}

# No logs:CreateLogGroup: a late invocation would bring the group back after it was torn down.
data "aws_iam_policy_document" "function" {
  statement {
    sid = "WriteLogs"
    actions = [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }

  # Both stores, so that a change of `secrets_store` needs no change here. No KMS: the policy of the AWS-managed keys lets in
  # whoever may read the value through its store.
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
