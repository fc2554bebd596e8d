// Command depaudit counts the dependencies of the stages of a release pipeline,
// finds evidence for each, and fails when a critical stage grows. The README
// describes its use.
//
// The package is flags, streams, processes and exit codes. The work is done by
// packages that can be imported: audit/pipeline audits, audit/report renders,
// audit/query answers questions.
package main

import "os"

func main() {
	crashBySignal()
	c := command{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}
	os.Exit(c.main(os.Args[1:]))
}
