# Free, and renewed by AWS as long as the validation record exists.
resource "aws_acm_certificate" "domain" {
  for_each = var.domains

  domain_name       = each.key
  validation_method = "DNS"

  lifecycle {
    # The old certificate is in use until the new one has replaced it.
    create_before_destroy = true

    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters, the limit of every target."
    }
  }
}

# All certificates of an account for one domain have the same validation record, so a second
# deployment overwrites the record with the same value.
resource "aws_route53_record" "validation" {
  for_each = var.domains

  zone_id         = each.value
  name            = one(aws_acm_certificate.domain[each.key].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.domain[each.key].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.domain[each.key].domain_validation_options).resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

# Waits until AWS has found the validation record: minutes, if public DNS delegates to the zone.
resource "aws_acm_certificate_validation" "domain" {
  for_each = var.domains

  certificate_arn         = aws_acm_certificate.domain[each.key].arn
  validation_record_fqdns = [aws_route53_record.validation[each.key].fqdn]

  timeouts {
    create = "20m"
  }
}
