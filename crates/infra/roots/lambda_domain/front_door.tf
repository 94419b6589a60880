# The API answers under the domain as well. It listens on port 443 only: there is no port 80 that could lead to HTTPS.
resource "aws_apigatewayv2_domain_name" "domain" {
  for_each = var.domains

  domain_name = each.key

  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.domain[each.key].certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

# Without a key: the app's paths stay as they are.
resource "aws_apigatewayv2_api_mapping" "domain" {
  for_each = var.domains

  api_id      = var.api_id
  domain_name = aws_apigatewayv2_domain_name.domain[each.key].id
  stage       = "$default"
}

# No AAAA record: such a name has IPv4 addresses only, unless an argument says more that older providers of the supported range
# lack.
resource "aws_route53_record" "alias" {
  for_each = var.domains

  zone_id = each.value
  name    = each.key
  type    = "A"

  # An apply that was cut off may have made it already. landfall looks for a record of somebody else's first.
  allow_overwrite = true

  alias {
    name                   = aws_apigatewayv2_domain_name.domain[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.domain[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }

  # Nobody is led to a name that leads no further.
  depends_on = [aws_apigatewayv2_api_mapping.domain]
}
