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

variable "port" {
  description = "TCP port of a task that the load balancer connects to."
  type        = number
  nullable    = false

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1 to 65535."
  }
}

variable "health_path" {
  description = "Path of the load balancer's health check."
  type        = string
  nullable    = false
  default     = "/.landfall/health"

  validation {
    condition     = can(regex("^/[^[:space:]]*$", var.health_path)) && length(var.health_path) <= 1024
    error_message = "The health path must start with \"/\", contain no spaces and have at most 1024 characters."
  }
}

variable "unhealthy_threshold" {
  description = "Consecutive failed health checks after which a task gets no more requests."
  type        = number
  nullable    = false
  default     = 3

  validation {
    condition     = var.unhealthy_threshold >= 2 && var.unhealthy_threshold <= 10 && floor(var.unhealthy_threshold) == var.unhealthy_threshold
    error_message = "The threshold must be a whole number from 2 to 10."
  }
}

variable "drain_seconds" {
  description = "Seconds in which a deregistered task may finish the requests that it already has."
  type        = number
  nullable    = false
  default     = 20

  validation {
    condition     = var.drain_seconds >= 0 && var.drain_seconds <= 3600 && floor(var.drain_seconds) == var.drain_seconds
    error_message = "The drain time must be a whole number of seconds from 0 to 3600."
  }
}

variable "start_seconds" {
  description = "Seconds in which health checks do not stop a new task."
  type        = number
  nullable    = false
  default     = 120

  validation {
    condition     = var.start_seconds >= 10 && var.start_seconds <= 1800 && floor(var.start_seconds) == var.start_seconds
    error_message = "It must be a whole number of seconds from 10 to 1800."
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

variable "idle_seconds" {
  description = "Seconds that a connection may be silent, such as a websocket."
  type        = number
  nullable    = false
  default     = 60

  validation {
    condition     = var.idle_seconds >= 1 && var.idle_seconds <= 600 && floor(var.idle_seconds) == var.idle_seconds
    error_message = "It must be a whole number of seconds from 1 to 600."
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
