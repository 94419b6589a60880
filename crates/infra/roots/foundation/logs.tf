# Created here and not by its first writer, so that it has a retention and is destroyed with the
# rest.
resource "aws_cloudwatch_log_group" "app" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts at rest by itself; a customer key costs USD 1 a month
  #checkov:skip=CKV_AWS_338:a year of logs is a choice of the owner (log_retention_days), not of a default that bills for storage
  name              = "/landfall/${local.id}"
  retention_in_days = var.log_retention_days
}
