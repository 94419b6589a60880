data "aws_iam_policy_document" "assumed_by_deploy" {
  statement {
    sid     = "JobsOfThisRepository"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:aud"
      values   = [local.audience]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:sub"
      values   = var.deploy_subjects
    }

    # If a job uses a GitHub environment, its subject contains the environment instead of the
    # branch, and everyone who may push a branch may use one. Since 2026 AWS compares the branch
    # itself for GitHub. For a forge whose `ref` AWS does not read, the subject contains the branch.
    condition {
      test     = "StringEqualsIfExists"
      variable = "${var.issuer}:ref"
      values   = [var.deploy_reference]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name                 = "${local.id}-deploy"
  description          = "Jobs of CI deploy ${local.id} with it"
  path                 = var.role_path
  permissions_boundary = local.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assumed_by_deploy.json
  max_session_duration = 3600

  lifecycle {
    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters; load balancers and target groups made from it would exceed their limit of 32."
    }
  }
}

data "aws_iam_policy_document" "assumed_by_job" {
  for_each = var.job_subjects

  statement {
    sid     = "JobsOfThisRepository"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:aud"
      values   = [local.audience]
    }

    condition {
      test     = var.job_match
      variable = "${var.issuer}:sub"
      values   = each.value
    }
  }
}

# Roles of pull requests: one that plans, and one that deploys preview environments if there are
# any.
resource "aws_iam_role" "job" {
  for_each = var.job_subjects

  name                 = "${local.id}-${each.key}"
  description          = "Jobs of CI for pull requests of ${local.id}: ${each.key}"
  path                 = var.role_path
  permissions_boundary = local.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assumed_by_job[each.key].json
  max_session_duration = 3600
}
