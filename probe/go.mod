module caisson/probe

go 1.27
