# Rules are separate resources because the two groups refer to each other.

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_security_group" "load_balancer" {
  name        = "${local.id}-load-balancer"
  description = "Load balancer of ${local.id}"
  vpc_id      = aws_vpc.main.id

  tags = {
    Name = "${local.id}-load-balancer"
  }
}

resource "aws_security_group" "tasks" {
  #checkov:skip=CKV_AWS_382:its rule below is the one that opens every port, and says why
  name        = "${local.id}-tasks"
  description = "Tasks of ${local.id}"
  vpc_id      = aws_vpc.main.id

  tags = {
    Name = "${local.id}-tasks"
  }
}

# The list counts as 55 of the 60 rules that a group may have, so a group can't have two such lists.
resource "aws_security_group_rule" "load_balancer_from_cloudfront" {
  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTP from CloudFront only"
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 80
  to_port           = 80
  prefix_list_ids   = [data.aws_ec2_managed_prefix_list.cloudfront.id]
}

resource "aws_security_group_rule" "load_balancer_to_tasks" {
  security_group_id        = aws_security_group.load_balancer.id
  description              = "Requests and health checks to the tasks"
  type                     = "egress"
  protocol                 = "tcp"
  from_port                = var.port
  to_port                  = var.port
  source_security_group_id = aws_security_group.tasks.id
}

resource "aws_security_group_rule" "tasks_from_load_balancer" {
  security_group_id        = aws_security_group.tasks.id
  description              = "Requests and health checks from the load balancer only"
  type                     = "ingress"
  protocol                 = "tcp"
  from_port                = var.port
  to_port                  = var.port
  source_security_group_id = aws_security_group.load_balancer.id
}

resource "aws_security_group_rule" "tasks_to_everywhere" {
  #checkov:skip=CKV_AWS_382:apps connect to databases, caches and mail servers on ports that only they know
  security_group_id = aws_security_group.tasks.id
  description       = "Everything out: registry, logs, databases, other services"
  type              = "egress"
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  cidr_blocks       = ["0.0.0.0/0"]
}
