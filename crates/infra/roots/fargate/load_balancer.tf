resource "aws_lb" "main" {
  #checkov:skip=CKV_AWS_91:access logs need a bucket and are billed; opt in when there is someone to read them
  #checkov:skip=CKV_AWS_150:a tear-down must be able to delete it, nothing billable may stay behind
  #checkov:skip=CKV2_AWS_20:speaks to CloudFront only, which redirects people to HTTPS
  #checkov:skip=CKV2_AWS_28:a web ACL costs USD 5 a month and more; opt in
  #checkov:skip=CKV2_AWS_76:as above, no web ACL by default
  name                       = local.id
  load_balancer_type         = "application"
  internal                   = false
  security_groups            = [aws_security_group.load_balancer.id]
  subnets                    = aws_subnet.public[*].id
  drop_invalid_header_fields = true
  enable_deletion_protection = false

  lifecycle {
    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters; target groups made from it would exceed their limit of 32."
    }
  }

  # AWS refuses an internet-facing load balancer in a network without a way to the internet, and on the way down a gateway
  # can't be detached while the load balancer still holds public addresses.
  depends_on = [aws_route.internet]
}

resource "aws_lb_target_group" "slot" {
  #checkov:skip=CKV_AWS_378:the way from load balancer to task stays inside the VPC; the container speaks HTTP
  for_each = local.slots

  name                 = "${local.id}-${each.key}"
  target_type          = "ip"
  vpc_id               = aws_vpc.main.id
  protocol             = "HTTP"
  deregistration_delay = var.drain_seconds

  # Only a default that nothing uses: ECS registers each task under the container's own port. Were it that port, a change of
  # it would replace the group, which AWS refuses while the listener leads there.
  port = 80

  health_check {
    path = var.health_path

    # Any answer below 500 proves that the app is up: plenty of apps have nothing at "/" and say 404.
    matcher = "200-499"

    # Quick to admit a task: a release waits for this.
    interval          = 5
    timeout           = 4
    healthy_threshold = 2

    # With a proxy in the container that knows a random error from an app that is down, a few failures are enough. An app
    # that is asked itself and fails a tenth of its requests at random would so lose healthy tasks several times a day; it
    # needs 10, which fail in a row once in 10^10 checks.
    unhealthy_threshold = var.unhealthy_threshold
  }
}

resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:a certificate needs a domain; people reach CloudFront by HTTPS, and only CloudFront reaches this
  #checkov:skip=CKV_AWS_103:as above, no TLS without a domain
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  # Where the first release finds things. A group of weight 0 is left out rather than listed.
  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.slot["blue"].arn
        weight = 100
      }
    }
  }

  lifecycle {
    # Which slot gets how much traffic belongs to releases.
    ignore_changes = [default_action]
  }
}

# The way to each slot whatever its share of users: a release asks both under header values that only it knows. The rules also
# keep both groups attached to the load balancer, without which ECS refuses the services.
resource "aws_lb_listener_rule" "slot" {
  for_each = local.slots

  listener_arn = aws_lb_listener.http.arn
  priority     = each.key == "blue" ? 1 : 2

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.slot[each.key].arn
  }

  condition {
    http_header {
      http_header_name = "X-Landfall-Slot"
      values           = ["closed-${each.key}"]
    }
  }

  lifecycle {
    # Which header value leads here belongs to releases.
    ignore_changes = [condition]
  }
}
