package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// schemaValidator validates documents by JSON schemas, in a process of its own.
type schemaValidator struct{ program string }

func newSchemaValidator(t *testing.T) schemaValidator {
	t.Helper()
	v := schemaValidator{filepath.Join(t.TempDir(), "jsonschema")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", v.program, "./testdata/jsonschema").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return v
}

// check validates the documents of a file, one after the other.
func (v schemaValidator) check(t *testing.T, file string, args ...string) {
	t.Helper()
	documents, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer documents.Close()
	cmd := exec.CommandContext(t.Context(), v.program, args...)
	cmd.Stdin = documents
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(file), err, out)
	}
}
