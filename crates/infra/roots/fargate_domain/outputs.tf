output "leads_to" {
  description = "Target of each domain's records: AWS's own name of the entry point."
  value       = { for domain, distribution in aws_cloudfront_distribution.domain : domain => distribution.domain_name }
}
