# Created here and not by their first writer, so that they have a retention and are destroyed with
# the rest.

# Lambda's default name of the group; older providers of the supported range have no argument for
# another.
resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts at rest by itself; a customer key costs USD 1 a month
  #checkov:skip=CKV_AWS_338:a year of logs is a choice of the owner (log_retention_days), not of a default that bills for storage
  name              = "/aws/lambda/${local.id}"
  retention_in_days = var.log_retention_days
}

# AWS gives its log delivery the right to write by a resource policy of the account, which has 5,120
# characters. All groups below /aws/vendedlogs/ share one entry; any other would need its own, which
# AWS never removes.
resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts at rest by itself; a customer key costs USD 1 a month
  #checkov:skip=CKV_AWS_338:a year of logs is a choice of the owner (log_retention_days), not of a default that bills for storage
  name              = "/aws/vendedlogs/landfall/${local.id}/access"
  retention_in_days = var.log_retention_days
}
