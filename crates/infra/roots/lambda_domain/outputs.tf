output "leads_to" {
  description = "Target of each domain's records: AWS's own name of the entry point."
  value       = { for domain, name in aws_apigatewayv2_domain_name.domain : domain => name.domain_name_configuration[0].target_domain_name }
}
