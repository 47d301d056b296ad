module caisson/premain

go 1.27
