package ledger

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	docsBegin = "<!-- rules: generated -->\n"
	docsEnd   = "<!-- end -->\n"
)

// TestDocs checks that docs/ledger.md has the rules. With DEPAUDIT_UPDATE in the
// environment it writes them.
func TestDocs(t *testing.T) {
	const file = "../../docs/ledger.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), docsBegin)
	_, after, closed := strings.Cut(rest, docsEnd)
	if !ok || !closed {
		t.Fatalf("%s has no generated part", file)
	}
	var b strings.Builder
	b.WriteString("| rule | files | checked | source |\n| --- | --- | --- | --- |\n")
	for _, r := range Rules() {
		if r.Files == "" || r.Checked == "" || r.Source == "" {
			t.Errorf("rule %s has no text", r.Name)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, strings.ReplaceAll(r.Files, "*", `\*`), r.Checked, r.Source)
	}
	want := before + docsBegin + b.String() + docsEnd + after
	if string(text) == want {
		return
	}
	if os.Getenv("DEPAUDIT_UPDATE") == "" {
		t.Fatalf("%s is out of date; run DEPAUDIT_UPDATE=1 go test ./audit/ledger -run TestDocs", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
