resource "aws_ecr_repository" "app" {
  #checkov:skip=CKV_AWS_136:AES-256 by ECR is on; a customer key costs USD 1 a month and excludes no one whom IAM allows
  name = local.id

  # A release deploys a digest. For people, a tag always refers to the same image.
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

# Storage is never free, and ECR expires images by the time of their push, whatever they are used for.
# So a release tags the images that it stages and those that get users, and the first two rules spare
# them: a rule never expires an image that a rule of higher priority matches. Images that were pushed and
# never used are the rest.
resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Keep the last 20 images that had users"
        selection = {
          tagStatus     = "tagged"
          tagPrefixList = ["live-"]
          countType     = "imageCountMoreThan"
          countNumber   = 20
        }
        action = {
          type = "expire"
        }
      },
      {
        rulePriority = 2
        description  = "Keep the last 20 images that were staged"
        selection = {
          tagStatus     = "tagged"
          tagPrefixList = ["staged-"]
          countType     = "imageCountMoreThan"
          countNumber   = 20
        }
        action = {
          type = "expire"
        }
      },
      {
        rulePriority = 3
        description  = "Keep the last 20 other images"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = 20
        }
        action = {
          type = "expire"
        }
      },
    ]
  })
}

data "aws_iam_policy_document" "pulled_by_lambda" {
  statement {
    # The name and the operator of the statement that Lambda would add itself, for all functions.
    sid = "LambdaECRImageRetrievalPolicy"
    actions = [
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
    ]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    # Composed, because another root creates the function, after the image or never. The second ARN
    # is that of its versions.
    condition {
      test     = "StringLike"
      variable = "aws:SourceArn"
      values   = [local.function_arn, "${local.function_arn}:*"]
    }
  }
}

# Lambda pulls a function's image with this policy and not with the function's role. Without it,
# Lambda adds one for all functions of the account, which Terraform would want to remove. Unused on
# Fargate.
resource "aws_ecr_repository_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = data.aws_iam_policy_document.pulled_by_lambda.json
}
