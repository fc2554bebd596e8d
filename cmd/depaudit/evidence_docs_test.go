package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// TestBuiltInKeys checks the table of docs/evidence.md.
func TestBuiltInKeys(t *testing.T) {
	var b strings.Builder
	b.WriteString("| key | fingerprint | from | date |\n| --- | --- | --- | --- |\n")
	for _, k := range trust.BuiltIn() {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", k.Name, k.Fingerprint, k.Source, k.Date)
	}
	generated(t, "docs/evidence.md", "keys", b.String())
}
