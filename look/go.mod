module caisson/look

go 1.27
