locals {
  id = "${var.name}-${var.environment}"
}

# CloudFront takes certificates from this region only; itself and Route 53 have none.
provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      "landfall:app"         = var.name
      "landfall:environment" = var.environment
      "landfall:root"        = "fargate_domain"
    }
  }
}
