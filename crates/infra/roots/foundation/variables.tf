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

variable "log_retention_days" {
  description = "How many days the app's logs are kept. CloudWatch accepts only the periods listed in the validation."
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

variable "budget" {
  description = "Monthly cost of the whole account in USD above which the alarm topic gets an alert. 0 means from the first cent."
  type        = number
  nullable    = false
  default     = 0

  validation {
    condition     = var.budget >= 0
    error_message = "The budget can't be negative."
  }
}

variable "has_budget" {
  description = "Whether there is a budget. False where AWS permits the account none, for example in a member account whose payer has not enabled budgets."
  type        = bool
  nullable    = false
  default     = true
}

variable "alarm_emails" {
  description = "Addresses that receive alarms and budget alerts. AWS sends each a confirmation mail first."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "Every alarm email must be an address such as \"ops@example.com\"."
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
