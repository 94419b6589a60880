# Replaces the slots: one service with the version inline, as without landfall. It does not wait for a
# steady state, because the emulator never reports one after a change.

variable "image" {
  description = "The version that is to serve."
  type        = string
}

variable "variables" {
  description = "Environment of the container."
  type        = map(string)
}

resource "aws_ecs_cluster" "main" {
  name = local.id
}

resource "aws_ecs_task_definition" "app" {
  family                   = local.id
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"

  container_definitions = jsonencode([{
    name           = "app"
    image          = var.image
    essential      = true
    systemControls = []
    environment    = [for name, value in var.variables : { name = name, value = value }]
    portMappings   = [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
  }])
}

resource "aws_ecs_service" "app" {
  name            = "${local.id}-app"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 1
  launch_type     = "FARGATE"

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.slot["blue"].arn
    container_name   = "app"
    container_port   = var.port
  }

  depends_on = [aws_lb_listener.http, aws_lb_listener_rule.slot]
}

output "load_balancer_arn" {
  value = aws_lb.main.arn
}
