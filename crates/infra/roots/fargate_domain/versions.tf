terraform {
  # 1.10 brought the lock file of the S3 backend; OpenTofu 1.10 has it too.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Only arguments that every version in this range knows are used, so an existing lock file never has to move.
      version = ">= 3.39, < 7.0"
    }
  }
}
