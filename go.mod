module github.com/depaudit/depaudit

go 1.26.0
