resource "aws_ecr_repository" "app" {
  #checkov:skip=CKV_AWS_136:AES-256 by ECR is on; a customer key costs USD 1 a month and keeps nobody out whom IAM lets in
  name = local.id

  # A release deploys a digest; a tag that can't move stays true for the person who reads it.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  lifecycle {
    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters; load balancers and target groups made from it would exceed their limit of 32."
    }
  }
}

# Storage is the one thing here that is never free. Twenty images leave room to roll back and end the bill's growth.
resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 20 images"
      selection = {
        tagStatus   = "any"
        countType   = "imageCountMoreThan"
        countNumber = 20
      }
      action = {
        type = "expire"
      }
    }]
  })
}

data "aws_iam_policy_document" "pulled_by_lambda" {
  statement {
    sid = "LambdaPullsImage"
    actions = [
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
    ]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    # Composed, not read: the function is made by another root, after the image or never. The second form is that of its
    # versions.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.function_arn, "${local.function_arn}:*"]
    }
  }
}

# A function pulls its image by this, not by its role. Where it is missing, Lambda writes one for all functions of the account by
# itself, which Terraform would then want to take back. On Fargate nobody uses it.
resource "aws_ecr_repository_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = data.aws_iam_policy_document.pulled_by_lambda.json
}
