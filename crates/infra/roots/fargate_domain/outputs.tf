output "leads_to" {
  description = "Where the record of each domain leads: AWS's own name of the front door."
  value       = { for domain, distribution in aws_cloudfront_distribution.domain : domain => distribution.domain_name }
}
