terraform {
  # Terraform 1.10 and OpenTofu 1.10 introduced the lock file of the S3 backend.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The HCL uses only arguments that all these versions have, so an existing lock file keeps its
      # version.
      version = ">= 3.39, < 7.0"
    }
  }
}
