module threadmap/lab

go 1.22
