// A module of its own only so that the one around it leaves this folder out:
// dpkg's file lists have a colon in their names (libc6:amd64.list), which a
// Go module must not contain, and "go install module@version" would fail.
module github.com/depaudit/depaudit/testdata/cpython/example
