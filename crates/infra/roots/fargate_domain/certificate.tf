# Free, and renewed by AWS for as long as the record that proves the domain is there.
resource "aws_acm_certificate" "domain" {
  for_each = var.domains

  domain_name       = each.key
  validation_method = "DNS"

  lifecycle {
    # What serves keeps its certificate until another has taken its place.
    create_before_destroy = true

    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters, the limit of every target."
    }
  }
}

# One and the same for all certificates that an account has for a domain, so whoever comes second writes over it what is
# there already.
resource "aws_route53_record" "validation" {
  for_each = var.domains

  zone_id         = each.value
  name            = one(aws_acm_certificate.domain[each.key].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.domain[each.key].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.domain[each.key].domain_validation_options).resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

# Nothing but the wait until AWS has found that record. Where public DNS leads to the zone, it takes minutes.
resource "aws_acm_certificate_validation" "domain" {
  for_each = var.domains

  certificate_arn         = aws_acm_certificate.domain[each.key].arn
  validation_record_fqdns = [aws_route53_record.validation[each.key].fqdn]

  timeouts {
    create = "20m"
  }
}
