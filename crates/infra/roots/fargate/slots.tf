resource "aws_ecs_cluster" "main" {
  #checkov:skip=CKV_AWS_65:Container Insights bills a custom metric for every task and more; opt in
  name = local.id

  # Said aloud because an account can switch it on for every new cluster, and then it costs money that nobody priced.
  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

# A service can't exist without a task definition, and the first revision is known only to the first release. This one is
# never run: the slots start with no tasks, and its image can't be pulled from anywhere (RFC 2606 reserves ".invalid").
resource "aws_ecs_task_definition" "placeholder" {
  #checkov:skip=CKV_AWS_249:it has neither role, which a plan of the applied definition shows as two equal ones
  family                   = "${local.id}-placeholder"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"

  container_definitions = jsonencode([{
    name                   = "app"
    image                  = "landfall.invalid/placeholder@sha256:${sha256("placeholder")}"
    essential              = true
    user                   = "65532:65532"
    privileged             = false
    readonlyRootFilesystem = true

    # ECS answers with this empty list, and older providers take the difference for a change.
    systemControls = []

    linuxParameters = {
      capabilities = {
        drop = ["ALL"]
      }
    }

    portMappings = [{
      containerPort = var.port
      hostPort      = var.port
      protocol      = "tcp"
    }]
  }])
}

resource "aws_ecs_service" "slot" {
  #checkov:skip=CKV_AWS_333:without a NAT gateway a task needs a public address to pull its image; its group admits only the load balancer
  for_each = local.slots

  name             = "${local.id}-${each.key}"
  cluster          = aws_ecs_cluster.main.id
  task_definition  = aws_ecs_task_definition.placeholder.arn
  desired_count    = 0
  launch_type      = "FARGATE"
  platform_version = "LATEST"

  # New tasks first, old ones after, when ECS itself replaces a task (retired hardware, patches).
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  # A slow starter isn't killed for failing health checks before it has finished starting.
  health_check_grace_period_seconds = 120

  # No shell into running tasks.
  enable_execute_command = false

  # So that cost reports show the tasks under the app's tags.
  propagate_tags = "SERVICE"

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.slot[each.key].arn
    container_name   = "app"
    container_port   = var.port
  }

  lifecycle {
    # What runs in a slot, and how many of it, belongs to releases.
    ignore_changes = [task_definition, desired_count]
  }

  # ECS refuses a target group that no listener or rule leads to. And on the way down, tasks keep their ways in and out until
  # the last of them has drained and sent its logs.
  depends_on = [
    aws_lb_listener.http,
    aws_lb_listener_rule.slot,
    aws_security_group_rule.load_balancer_to_tasks,
    aws_security_group_rule.tasks_from_load_balancer,
    aws_security_group_rule.tasks_to_https,
  ]
}
