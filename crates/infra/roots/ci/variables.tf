variable "name" {
  description = "Name of the app. With the environment it names every resource, so it can't change later."
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
  description = "AWS region that is deployed into, for example \"eu-west-2\". Roles are the same in all of them."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "The region must look like \"eu-west-2\"."
  }
}

variable "issuer" {
  description = "Issuer of the jobs' tokens: the provider's URL without \"https://\", for example \"token.actions.githubusercontent.com\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)*$", var.issuer))
    error_message = "The issuer must be a host in lower-case letters, for example \"token.actions.githubusercontent.com\"."
  }
}

variable "deploy_subjects" {
  description = "Exact subjects of the job that deploys, for example \"repo:OWNER/REPOSITORY:ref:refs/heads/main\"."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.deploy_subjects) > 0 && !can(regex("[*?]", join(" ", var.deploy_subjects)))
    error_message = "The subjects must name exactly one job each: at least one, and no wildcard."
  }
}

variable "deploy_reference" {
  description = "The token's `ref` in the job that deploys, for example \"refs/heads/main\". AWS compares it if it reads the claim."
  type        = string
  nullable    = false

  validation {
    condition     = !can(regex("[*?]", var.deploy_reference)) && var.deploy_reference != ""
    error_message = "The reference must name exactly one branch."
  }
}

variable "job_subjects" {
  description = "Subjects of the jobs of pull requests, by the role that they assume: \"plan\", \"preview\"."
  type        = map(list(string))
  nullable    = false

  validation {
    condition     = alltrue([for role in keys(var.job_subjects) : contains(["plan", "preview"], role)])
    error_message = "The roles of pull requests are \"plan\" and \"preview\"."
  }

  # A wildcard is allowed only for the branch at the end of a GitLab subject.
  validation {
    condition = alltrue([
      for subject in flatten(values(var.job_subjects)) :
      !can(regex("[*?]", subject)) || can(regex("^project_path:[^*?:]+:ref_type:branch:ref:[*]$", subject))
    ])
    error_message = "A subject may have no wildcard but for the branch at the end of GitLab's."
  }
}

variable "job_match" {
  description = "Operator that compares those subjects: \"StringEquals\", or \"StringLike\" for GitLab."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["StringEquals", "StringLike"], var.job_match)
    error_message = "The match must be \"StringEquals\" or \"StringLike\"."
  }
}

variable "policies" {
  description = "Policies of each role as JSON, by the suffix of the role's name."
  type        = map(list(string))
  nullable    = false
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

variable "boundaries" {
  description = "Permissions boundaries as JSON, by their names. Roles that jobs create or change must have one of them."
  type        = map(string)
  nullable    = false
}
