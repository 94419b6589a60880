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

variable "load_balancer_dns_name" {
  description = "Host name of the load balancer: output of the same name of the fargate root."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9.-]+$", var.load_balancer_dns_name))
    error_message = "The load balancer must be named by its host name."
  }
}

variable "request_seconds" {
  description = "Seconds that a response may take until it begins."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.request_seconds >= 1 && var.request_seconds <= 115 && floor(var.request_seconds) == var.request_seconds
    error_message = "It must be a whole number of seconds from 1 to 115."
  }
}

variable "edge" {
  description = "Whether landfall's proxy runs in the container, in front of the app."
  type        = bool
  nullable    = false
  default     = true
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
