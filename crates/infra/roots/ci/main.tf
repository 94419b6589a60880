locals {
  id = "${var.name}-${var.environment}"

  # Composed, because the provider is not created here: an account has one for each issuer, which
  # all apps share.
  provider_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${var.issuer}"

  # The audience that jobs request for their tokens. AWS rejects tokens for any other.
  audience = "sts.amazonaws.com"

  # The ARN of a policy that is named by its path and name.
  permissions_boundary = (
    var.permissions_boundary == "" ? null :
    startswith(var.permissions_boundary, "arn:") ? var.permissions_boundary :
    "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:policy/${var.permissions_boundary}"
  )
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      "landfall:app"         = var.name
      "landfall:environment" = var.environment
      "landfall:root"        = "ci"
    })
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
