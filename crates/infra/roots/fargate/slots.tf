resource "aws_ecs_cluster" "main" {
  #checkov:skip=CKV_AWS_65:Container Insights bills a custom metric for every task and more; opt in
  name = local.id

  # Explicit, because an account can enable it for every new cluster, which costs money that is not
  # in landfall's estimate.
  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

# A service needs a task definition, and only the first release knows the first revision. This one
# never runs: the slots start without tasks, and its image does not exist (RFC 2606 reserves
# ".invalid").
resource "aws_ecs_task_definition" "placeholder" {
  #checkov:skip=CKV_AWS_249:it has no roles; a plan of the applied definition shows them as equal
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

    # ECS returns this empty list; without it, older providers would report a change.
    systemControls = []

    # ECS adds the empty list, and the provider compares it.
    linuxParameters = {
      capabilities = {
        add  = []
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
  #checkov:skip=CKV_AWS_333:without a NAT gateway a task needs a public address to pull its image; its security group allows only the load balancer
  for_each = local.slots

  name             = "${local.id}-${each.key}"
  cluster          = aws_ecs_cluster.main.id
  task_definition  = aws_ecs_task_definition.placeholder.arn
  desired_count    = 0
  launch_type      = "FARGATE"
  platform_version = "LATEST"

  # When ECS itself replaces a task (retired hardware, patches), it starts the new one first.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  # A task that starts slowly is not stopped because of health checks.
  health_check_grace_period_seconds = var.start_seconds

  # No shell in running tasks.
  enable_execute_command = false

  # Tasks get the app's tags, so that cost reports include them.
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
    # Releases own the revision and the number of tasks.
    ignore_changes = [task_definition, desired_count]
  }

  # ECS rejects a target group that no listener or rule forwards to. When destroying, tasks keep
  # their network access until the last of them has drained and written its logs.
  depends_on = [
    aws_lb_listener.http,
    aws_lb_listener_rule.slot,
    aws_security_group_rule.load_balancer_to_tasks,
    aws_security_group_rule.tasks_from_load_balancer,
    aws_security_group_rule.tasks_to_everywhere,
  ]
}
