// Command depaudit counts, proves and gates the dependencies of the stages of
// a release pipeline. See the README for what it is for.
package main

import "os"

func main() {
	c := command{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}
	os.Exit(c.main(os.Args[1:]))
}
