# A second distribution next to the one with AWS's own name, so that a domain can be added, changed
# and removed without a change to the first. Both have the same load balancer as their origin, and
# cost nothing without requests. A test ensures that they differ only in name and certificate.
resource "aws_cloudfront_distribution" "domain" {
  #checkov:skip=CKV_AWS_68:a web ACL costs USD 5 a month and more; opt in
  #checkov:skip=CKV_AWS_86:access logs need a bucket and are billed; opt in when there is someone to read them
  #checkov:skip=CKV_AWS_305:"/" belongs to the app, there is no object to put in its place
  #checkov:skip=CKV_AWS_310:there is one origin
  #checkov:skip=CKV_AWS_374:the app is for everyone
  #checkov:skip=CKV2_AWS_32:headers belong to the app, and providers of the supported range lack the argument
  #checkov:skip=CKV2_AWS_47:no web ACL by default
  #checkov:skip=CKV2_AWS_72:the load balancer has no certificate, and only CloudFront can connect to it
  for_each = var.domains

  enabled = true
  aliases = [each.key]

  # Distributions have no name, so leftovers are found by this comment.
  comment = local.id

  is_ipv6_enabled = true
  http_version    = "http2"
  price_class     = "PriceClass_100"

  # The records below must not lead to edge locations that do not know the name and its certificate.
  wait_for_deployment = true

  origin {
    origin_id   = "load-balancer"
    domain_name = var.load_balancer_dns_name

    # CloudFront would send a GET whose response is late again, up to three times.
    connection_attempts = 1 # not in rehearsals

    custom_origin_config {
      origin_protocol_policy = "http-only"
      http_port              = 80
      https_port             = 443
      origin_ssl_protocols   = ["TLSv1.2"]

      # The default of 30 would cut off slow responses. More than 120 needs a higher quota.
      origin_read_timeout = max(60, var.request_seconds + 5)

      # Shorter than the load balancer's idle timeout of 60 or more, so that no request is sent into a
      # connection being closed.
      origin_keepalive_timeout = 55
    }
  }

  default_cache_behavior {
    target_origin_id       = "load-balancer"
    viewer_protocol_policy = "redirect-to-https"
    allowed_methods        = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods         = ["GET", "HEAD"]

    # Policies managed by AWS have the same ids in every account.
    cache_policy_id = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" # CachingDisabled

    # AllViewer. Without the edge the app learns only from CloudFront-Forwarded-Proto that its user speaks HTTPS, since the
    # load balancer's X-Forwarded-Proto is that of its own listener: AllViewerAndCloudFrontHeaders-2022-06.
    origin_request_policy_id = var.edge ? "216adef6-5c7f-47e4-b989-5492eafa07d3" : "33f36d7e-f396-46d9-90e0-52428a34d9dc"
  }

  # By default CloudFront caches error answers for 10 seconds, by path alone: one user's error would
  # be everyone's. Without a page or code of their own, they stay the app's answers.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.domain[each.key].certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

# The domain's addresses, for IPv4 and IPv6.
resource "aws_route53_record" "alias" {
  for_each = var.domains

  zone_id = each.value
  name    = each.key
  type    = "A"

  # An interrupted apply may have created it. landfall checks for someone else's record before.
  allow_overwrite = true

  alias {
    name                   = aws_cloudfront_distribution.domain[each.key].domain_name
    zone_id                = aws_cloudfront_distribution.domain[each.key].hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "alias_ipv6" {
  for_each = var.domains

  zone_id         = each.value
  name            = each.key
  type            = "AAAA"
  allow_overwrite = true

  alias {
    name                   = aws_cloudfront_distribution.domain[each.key].domain_name
    zone_id                = aws_cloudfront_distribution.domain[each.key].hosted_zone_id
    evaluate_target_health = false
  }
}
