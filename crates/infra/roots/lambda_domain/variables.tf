variable "name" {
  description = "Name of the app that the domain belongs to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name))
    error_message = "The name must be lower-case letters, digits and single hyphens, and start with a letter."
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
  description = "AWS region of the HTTP API, for example \"eu-west-2\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "The region must look like \"eu-west-2\"."
  }
}

variable "domains" {
  description = "Hosted zone ID of each domain: usually one domain, two while one replaces the other."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for domain in keys(var.domains) : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9-]+$", domain)) && length(domain) <= 64])
    error_message = "A domain must look like \"app.example.com\", in lower case, and have at most 64 characters."
  }

  validation {
    condition     = alltrue([for zone in values(var.domains) : can(regex("^[A-Z0-9]+$", zone))])
    error_message = "A hosted zone must be named by its id, such as \"Z0123456789ABC\"."
  }
}

variable "api_id" {
  description = "ID of the HTTP API: output `api_id` of the lambda root."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.api_id))
    error_message = "The HTTP API must be named by its id, such as \"a1b2c3d4e5\"."
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
