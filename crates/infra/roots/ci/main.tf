locals {
  id = "${var.name}-${var.environment}"

  # Composed, not made here: an account has one provider for each issuer, which every app in it shares.
  provider_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${var.issuer}"

  # Tokens are made out to whom the job names; everything else that AWS is asked with is refused.
  audience = "sts.amazonaws.com"
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      "landfall:app"         = var.name
      "landfall:environment" = var.environment
      "landfall:root"        = "ci"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
