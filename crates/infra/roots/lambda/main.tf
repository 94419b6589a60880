locals {
  id = "${var.name}-${var.environment}"

  # Secrets that `landfall secrets set` stores for this environment. Terraform never handles their
  # values, because they would be in its state.
  parameters_arn = join(":", [
    "arn", data.aws_partition.current.partition, "ssm", var.region, data.aws_caller_identity.current.account_id, "parameter/landfall/${local.id}/*",
  ])
  secrets_arn = join(":", [
    "arn", data.aws_partition.current.partition, "secretsmanager", var.region, data.aws_caller_identity.current.account_id, "secret", "landfall/${local.id}/*",
  ])

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
      "landfall:root"        = "lambda"
    })
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
