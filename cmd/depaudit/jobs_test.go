package main

import (
	"io"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestJobsPage checks the job of docs/jobs.md with actionlint. A script runs its
// lines.
func TestJobsPage(t *testing.T) {
	t.Parallel()
	examples := fenced(read(t, "docs/jobs.md"), "yaml")
	if len(examples) != 1 {
		t.Fatalf("%d examples", len(examples))
	}
	workflow := "on: push\npermissions: {}\njobs:\n"
	for _, name := range []string{"build", "test", "publish"} {
		workflow += "  " + name + ":\n    runs-on: ubuntu-24.04\n    steps: [{run: make}]\n"
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.Lint("docs/jobs.md", []byte(workflow+examples[0].text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
