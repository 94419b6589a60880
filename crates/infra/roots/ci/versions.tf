terraform {
  # Terraform 1.10 and OpenTofu 1.10 introduced the lock file of the S3 backend.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Older releases of 6 fail to refresh resources of newer ones, or lose tags of ECS.
      version = ">= 6.15, < 7.0"
    }
  }
}
