variable "name" {
  description = "Name of the app. With the environment it names every resource, so it can't change later."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name))
    error_message = "The name must be lower-case letters, digits and single hyphens, and start with a letter."
  }

  validation {
    condition     = !startswith(var.name, "internal-")
    error_message = "The name can't start with \"internal-\": load balancers reserve that prefix."
  }
}

variable "environment" {
  description = "Which deployment of the app this is, for example \"prod\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.environment))
    error_message = "The environment must be lower-case letters, digits and single hyphens."
  }
}

variable "region" {
  description = "AWS region to deploy into, for example \"eu-west-2\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "The region must look like \"eu-west-2\"."
  }
}

variable "image" {
  description = "Image that the function is created from, in a repository of this region: repository@sha256:digest. Releases change it later."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@[:space:]]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image must be named by digest, such as \"123456789012.dkr.ecr.eu-west-2.amazonaws.com/hello-prod@sha256:...\": a tag can move."
  }
}

variable "memory" {
  description = "Memory of the function in MiB. CPU power is proportional to it: one vCPU at 1769 MiB."
  type        = number
  nullable    = false
  default     = 512

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240 && floor(var.memory) == var.memory
    error_message = "The memory must be a whole number of MiB from 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds after which Lambda ends an invocation. An HTTP API waits for 30 at most."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 30 && floor(var.timeout) == var.timeout
    error_message = "The timeout must be a whole number of seconds from 1 to 30."
  }
}

variable "port" {
  description = "TCP port that the app listens on inside the container."
  type        = number
  nullable    = false

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1 to 65535."
  }
}

variable "ready_path" {
  description = "Path that the edge in the container requests to check whether the app is ready."
  type        = string
  nullable    = false
  default     = "/"

  validation {
    condition     = can(regex("^/[^[:space:]]*$", var.ready_path)) && length(var.ready_path) <= 1024
    error_message = "The ready path must start with \"/\", contain no spaces and have at most 1024 characters."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions that are reserved for this function, which is also its maximum. -1 reserves none. AWS rejects a reservation that leaves fewer than 100 for the rest of the account."
  type        = number
  nullable    = false
  default     = -1

  validation {
    condition     = var.reserved_concurrency == -1 || (var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency)
    error_message = "The reserved concurrency must be a whole number from 1, or -1 for none."
  }
}

variable "rate_limit" {
  description = "Average requests per second that the API accepts; the rest get status 429. It limits the cost."
  type        = number
  nullable    = false
  default     = 50

  validation {
    condition     = var.rate_limit >= 1 && var.rate_limit <= 10000
    error_message = "The rate limit must be from 1 to 10000 requests a second."
  }
}

variable "burst_limit" {
  description = "Requests that the API accepts at once, above the rate limit."
  type        = number
  nullable    = false
  default     = 100

  validation {
    condition     = var.burst_limit >= 1 && var.burst_limit <= 5000 && floor(var.burst_limit) == var.burst_limit
    error_message = "The burst limit must be a whole number of requests from 1 to 5000."
  }
}

variable "log_retention_days" {
  description = "How many days the logs of function and API are kept. CloudWatch accepts only the periods listed in the validation."
  type        = number
  nullable    = false
  default     = 14

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653],
      var.log_retention_days
    )
    error_message = "The log retention must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827 or 3653 days."
  }
}

variable "tags" {
  description = "Tags on everything, besides the three that begin with \"landfall:\"."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !can(regex("^(?i)(landfall|aws):", key))])
    error_message = "Keys of tags can't start with \"landfall:\" or \"aws:\", which are reserved."
  }
}

variable "permissions_boundary" {
  description = "Policy that limits every role: its ARN, or its path and name in this account. Empty for none."
  type        = string
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@/:-]*$", var.permissions_boundary))
    error_message = "The permissions boundary must be the ARN or the name of a policy."
  }
}

variable "role_path" {
  description = "Path of every role. A role can't move to another path."
  type        = string
  nullable    = false
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.role_path))
    error_message = "The path must begin and end with \"/\"."
  }
}
