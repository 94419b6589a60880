locals {
  id = "${var.name}-${var.environment}"

  # Two interchangeable places for a revision. Releases decide which one serves users.
  slots = toset(["blue", "green"])
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      "landfall:app"         = var.name
      "landfall:environment" = var.environment
      "landfall:root"        = "fargate"
    })
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
