output "leads_to" {
  description = "Where the record of each domain leads: AWS's own name of the front door."
  value       = { for domain, name in aws_apigatewayv2_domain_name.domain : domain => name.domain_name_configuration[0].target_domain_name }
}
