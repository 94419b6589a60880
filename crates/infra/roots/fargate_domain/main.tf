locals {
  id = "${var.name}-${var.environment}"
}

# CloudFront accepts certificates from this region only. CloudFront and Route 53 themselves are
# global.
provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = merge(var.tags, {
      "landfall:app"         = var.name
      "landfall:environment" = var.environment
      "landfall:root"        = "fargate_domain"
    })
  }
}
