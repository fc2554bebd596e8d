// This file lets tempdir.go declare a function without a body.
