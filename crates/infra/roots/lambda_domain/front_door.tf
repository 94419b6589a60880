# The API serves the domain as well. It listens on port 443 only, so there is no redirect from HTTP.
resource "aws_apigatewayv2_domain_name" "domain" {
  for_each = var.domains

  domain_name = each.key

  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.domain[each.key].certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

# Without a mapping key, so the app's paths have no prefix.
resource "aws_apigatewayv2_api_mapping" "domain" {
  for_each = var.domains

  api_id      = var.api_id
  domain_name = aws_apigatewayv2_domain_name.domain[each.key].id
  stage       = "$default"
}

# No AAAA record: the name has IPv4 addresses only, unless an argument is set that older providers
# of the supported range lack.
resource "aws_route53_record" "alias" {
  for_each = var.domains

  zone_id = each.value
  name    = each.key
  type    = "A"

  # An interrupted apply may have created it. landfall checks for someone else's record before.
  allow_overwrite = true

  alias {
    name                   = aws_apigatewayv2_domain_name.domain[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.domain[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }

  # The record is created after the name works.
  depends_on = [aws_apigatewayv2_api_mapping.domain]
}
