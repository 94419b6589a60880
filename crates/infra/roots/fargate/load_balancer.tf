resource "aws_lb" "main" {
  #checkov:skip=CKV_AWS_91:access logs need a bucket and are billed; opt in when there is someone to read them
  #checkov:skip=CKV_AWS_150:landfall down must be able to delete it, so that nothing billable is left
  #checkov:skip=CKV2_AWS_20:only CloudFront connects to it, and redirects users to HTTPS
  #checkov:skip=CKV2_AWS_28:a web ACL costs USD 5 a month and more; opt in
  #checkov:skip=CKV2_AWS_76:as above, no web ACL by default
  name                       = local.id
  load_balancer_type         = "application"
  internal                   = false
  security_groups            = [aws_security_group.load_balancer.id]
  subnets                    = aws_subnet.public[*].id
  drop_invalid_header_fields = true
  enable_deletion_protection = false

  # Longer than any response takes to begin, or a stream is silent.
  idle_timeout = max(60, var.request_seconds + 5, var.idle_seconds)

  lifecycle {
    precondition {
      condition     = length(local.id) <= 24
      error_message = "\"${local.id}\" (name-environment) has more than 24 characters; target groups made from it would exceed their limit of 32."
    }
  }

  # AWS rejects an internet-facing load balancer in a network without a route to the internet. When
  # destroying, a gateway can't be detached while the load balancer has public addresses.
  depends_on = [aws_route.internet]
}

resource "aws_lb_target_group" "slot" {
  #checkov:skip=CKV_AWS_378:traffic from the load balancer to a task stays inside the VPC; the container serves HTTP
  for_each = local.slots

  name                 = "${local.id}-${each.key}"
  target_type          = "ip"
  vpc_id               = aws_vpc.main.id
  protocol             = "HTTP"
  deregistration_delay = var.drain_seconds

  # An unused default: ECS registers each task with the container's own port. If this were that
  # port, changing it would replace the group, which AWS rejects while the listener forwards to it.
  port = 80

  health_check {
    path = var.health_path

    # Any status below 500 proves that the app runs: many apps have nothing at "/" and return 404.
    matcher = "200-499"

    # Short, because a release waits until a new task is healthy.
    interval          = 5
    timeout           = 4
    healthy_threshold = 2

    # Small if a proxy in the container answers health checks, because it distinguishes a random
    # error from an app that is down. If the app itself answers them and fails a tenth of its
    # requests at random, it would lose healthy tasks several times a day; then 10 are needed, which
    # fail in a row once in 10^10 checks.
    unhealthy_threshold = var.unhealthy_threshold
  }
}

resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:a certificate needs a domain; users connect to CloudFront by HTTPS, and only CloudFront connects to this
  #checkov:skip=CKV_AWS_103:as above, no TLS without a domain
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  # The state before the first release. A group of weight 0 is omitted.
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
    # Releases own the traffic shares of the slots.
    ignore_changes = [default_action]
  }
}

# Routes to each slot regardless of its traffic share: a release sends requests to both with header
# values that only it knows. The rules also keep both groups attached to the load balancer, without
# which ECS rejects the services.
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
    # Releases own the header value that routes to a slot.
    ignore_changes = [condition]
  }
}
