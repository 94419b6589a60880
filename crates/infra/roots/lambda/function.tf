# The processor isn't said here because older providers of the supported range lack the argument. AWS takes x86_64 for it, and
# a release tells the function's code and its processor by the same call.
resource "aws_lambda_function" "app" {
  #checkov:skip=CKV_AWS_50:traces are billed beyond the free tier and the edge tells how long requests take; opt in
  #checkov:skip=CKV_AWS_115:a reservation is taken from the whole account, and AWS refuses it in a small one; reserved_concurrency sets it
  #checkov:skip=CKV_AWS_116:for asynchronous invocations only; the API waits for its answer
  #checkov:skip=CKV_AWS_117:the function reaches nothing private, and a VPC would need a NAT gateway to reach anything else
  #checkov:skip=CKV_AWS_173:Lambda encrypts variables by itself and these hold no secrets; a customer key costs USD 1 a month
  #checkov:skip=CKV_AWS_272:Lambda checks signatures of zip packages only; an image is named by its digest
  function_name = local.id
  description   = "${local.id}, before its first release"
  package_type  = "Image"
  image_uri     = var.image
  memory_size   = var.memory
  timeout       = var.timeout
  role          = aws_iam_role.function.arn
  publish       = false

  reserved_concurrent_executions = var.reserved_concurrency

  # What the edge in the image needs to know, so that it answers without a release as well.
  environment {
    variables = {
      LANDFALL_EDGE_APP        = tostring(var.port)
      LANDFALL_EDGE_READY_PATH = var.ready_path
    }
  }

  lifecycle {
    # What runs in the function belongs to releases. An image has neither handler nor runtime, but not everything that speaks
    # Lambda's language says so.
    ignore_changes = [description, environment, image_uri, memory_size, handler, runtime]

    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters, the limit of every target."
    }
  }

  # The first invocation already has somewhere to write to, and on the way down the last one still has.
  depends_on = [
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.function,
  ]
}

# What users reach. A release publishes a version beside the one that serves and leads a share of the requests to it.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "Serves the users of ${local.id}"
  function_name    = aws_lambda_function.app.function_name
  function_version = "$LATEST" # there is no version before the first release

  lifecycle {
    # Which version gets how many requests belongs to releases.
    ignore_changes = [description, function_version, routing_config]
  }
}
