locals {
  roles = merge({ deploy = aws_iam_role.deploy.name }, { for key, role in aws_iam_role.job : key => role.name })

  documents = merge([
    for role, documents in var.policies : {
      for index, document in documents : "${role}-${index + 1}" => { role = role, document = document }
    }
  ]...)
}

resource "aws_iam_policy" "permissions" {
  for_each = local.documents

  name        = "${local.id}-${each.key}"
  path        = "/landfall/${local.id}/"
  description = "What the role ${local.id}-${each.value.role} may do"
  policy      = each.value.document
}

# The most that the app's roles may do, whatever policies a job gives them. A job may create or change
# a role only with its boundary, so a job cannot use a role to get more than the app has.
resource "aws_iam_policy" "boundary" {
  for_each = var.boundaries

  name        = each.key
  path        = "/landfall/${local.id}/"
  description = "The most that roles may do which jobs of CI create or change"
  policy      = each.value
}

resource "aws_iam_role_policy_attachment" "permissions" {
  for_each = local.documents

  role       = local.roles[each.value.role]
  policy_arn = aws_iam_policy.permissions[each.key].arn
}

# Regardless of the policies, no job can extend its own permissions, another job's or the boundaries,
# and no job can take a boundary away. So no job can destroy this root either; a person has to.
data "aws_iam_policy_document" "own_identity" {
  statement {
    sid    = "KeepOwnIdentity"
    effect = "Deny"
    actions = [
      "iam:AddClientIDToOpenIDConnectProvider",
      "iam:AttachRolePolicy",
      "iam:CreateOpenIDConnectProvider",
      "iam:CreatePolicy",
      "iam:CreatePolicyVersion",
      "iam:CreateRole",
      "iam:DeleteOpenIDConnectProvider",
      "iam:DeletePolicy",
      "iam:DeletePolicyVersion",
      "iam:DeleteRole",
      "iam:DeleteRolePermissionsBoundary",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:PassRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
      "iam:RemoveClientIDFromOpenIDConnectProvider",
      "iam:SetDefaultPolicyVersion",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateOpenIDConnectProviderThumbprint",
      "iam:UpdateRole",
    ]
    resources = concat(
      [for role in ["deploy", "plan", "preview"] : "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role${var.role_path}${local.id}-${role}"],
      [
        "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:policy/landfall/*",
        "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/*",
      ],
    )
  }

  statement {
    sid       = "KeepBoundaries"
    effect    = "Deny"
    actions   = ["iam:DeleteRolePermissionsBoundary"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "own_identity" {
  for_each = local.roles

  name   = "keep-own-identity"
  role   = each.value
  policy = data.aws_iam_policy_document.own_identity.json
}
