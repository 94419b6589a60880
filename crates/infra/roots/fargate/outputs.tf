output "url" {
  description = "Public URL of the app."
  value       = "https://${aws_cloudfront_distribution.front_door.domain_name}"
}

output "distribution_id" {
  description = "CloudFront distribution in front of the load balancer."
  value       = aws_cloudfront_distribution.front_door.id
}

output "load_balancer_arn" {
  description = "Load balancer in front of both slots."
  value       = aws_lb.main.arn
}

output "load_balancer_dns_name" {
  description = "Host name of the load balancer; only CloudFront can connect to it."
  value       = aws_lb.main.dns_name
}

output "listener_arn" {
  description = "Listener whose default action distributes traffic between the slots."
  value       = aws_lb_listener.http.arn
}

output "slot_rules" {
  description = "Listener rule that routes a secret header value to each slot."
  value       = { for slot, rule in aws_lb_listener_rule.slot : slot => rule.arn }
}

output "cluster" {
  description = "ECS cluster that the services are in."
  value       = aws_ecs_cluster.main.name
}

output "services" {
  description = "ECS service of each slot."
  value       = { for slot, service in aws_ecs_service.slot : slot => service.name }
}

output "target_groups" {
  description = "Target group of each slot."
  value       = { for slot, group in aws_lb_target_group.slot : slot => group.arn }
}

output "subnets" {
  description = "Subnets that tasks run in."
  value       = aws_subnet.public[*].id
}

output "task_security_group" {
  description = "Security group of the tasks."
  value       = aws_security_group.tasks.id
}
