module uptime

go 1.17
