locals {
  id = "${var.name}-${var.environment}"
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      "landfall:app"         = var.name
      "landfall:environment" = var.environment
      "landfall:root"        = "lambda_domain"
    })
  }
}
