# The architecture is not set, because older providers of the supported range lack the argument. AWS
# assumes x86_64, and a release sets the image and the architecture in one call.
resource "aws_lambda_function" "app" {
  #checkov:skip=CKV_AWS_50:traces are billed beyond the free tier, and the edge reports how long requests take; opt in
  #checkov:skip=CKV_AWS_115:a reservation reduces what other functions can use, and AWS rejects it if the limit is small; reserved_concurrency sets it
  #checkov:skip=CKV_AWS_116:for asynchronous invocations only; the API waits for its answer
  #checkov:skip=CKV_AWS_117:the function needs nothing private, and in a VPC it would need a NAT gateway to reach the internet
  #checkov:skip=CKV_AWS_173:Lambda encrypts variables itself, and these contain no secrets; a customer key costs USD 1 a month
  #checkov:skip=CKV_AWS_272:Lambda verifies signatures of zip packages only; an image is identified by its digest
  function_name = local.id
  description   = "${local.id}, before its first release"
  package_type  = "Image"
  image_uri     = var.image
  memory_size   = var.memory
  timeout       = var.timeout
  role          = aws_iam_role.function.arn
  publish       = false

  reserved_concurrent_executions = var.reserved_concurrency

  # The app's variables and secrets come with its first release. Until then the edge in the image answers
  # every request with a 503 and does not start the app.
  environment {
    variables = {
      LANDFALL_EDGE_RELEASED   = "off"
      LANDFALL_EDGE_APP        = tostring(var.port)
      LANDFALL_EDGE_READY_PATH = var.ready_path
    }
  }

  lifecycle {
    # Releases own what runs in the function. A function from an image has neither handler nor
    # runtime, but some implementations of Lambda's API return them.
    ignore_changes = [description, environment, image_uri, memory_size, handler, runtime]

    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters, the limit of every target."
    }
  }

  # The log group exists before the first invocation and until after the last one.
  depends_on = [
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.function,
  ]
}

# Users' requests go to this alias. A release publishes a new version and sends it a share of them.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "Serves the users of ${local.id}"
  function_name    = aws_lambda_function.app.function_name
  function_version = "$LATEST" # there is no version before the first release

  lifecycle {
    # Releases own the traffic shares of the versions.
    ignore_changes = [description, function_version, routing_config]
  }
}
