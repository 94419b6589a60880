data "aws_availability_zones" "all" {
  #checkov:skip=CKV_AWS_394:a zone that appears later changes nothing, the subnets ignore it
  # Excludes Local Zones, which support neither the load balancer nor Fargate tasks.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  # Fargate is not available in these:
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
  exclude_zone_ids = ["apne1-az3", "usw1-az2"]
}

resource "aws_vpc" "main" {
  #checkov:skip=CKV2_AWS_11:flow logs are billed per GB; opt in when there is someone to read them
  cidr_block = "10.0.0.0/16"

  tags = {
    Name = local.id
  }
}

# Public, because a NAT gateway costs more than everything else here together. Security groups make
# the tasks unreachable from outside.
resource "aws_subnet" "public" {
  count = 2

  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.all.names[count.index]

  tags = {
    Name = "${local.id}-public-${count.index + 1}"
  }

  lifecycle {
    # The list of zones may change, which must never replace a subnet with running tasks.
    ignore_changes = [availability_zone]
  }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = {
    Name = local.id
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  tags = {
    Name = "${local.id}-public"
  }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  count = length(aws_subnet.public)

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

# Adopted to remove its rules: anything without a security group of its own has no network access.
resource "aws_default_security_group" "empty" {
  vpc_id = aws_vpc.main.id

  tags = {
    Name = "${local.id}-default-unused"
  }
}
