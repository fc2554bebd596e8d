package artifact

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// placesTable is the table of caches in docs/artifacts.md.
func placesTable() string {
	var b strings.Builder
	b.WriteString("| cache | artifacts |\n| --- | --- |\n")
	for _, p := range cachePlaces() {
		base := map[location]string{inRoot: "/", inHome: "~/", inCache: "~/.cache/"}[p.in]
		fmt.Fprintf(&b, "| `%s%s` | %s |\n", base, p.pattern, p.kind)
	}
	for _, p := range []struct {
		place string
		kind  Kind
	}{
		{"~/.npm/_cacache", NPM},
		{"~/.cache/yarn/v*", NPM},
		{"/usr/local/share/.cache/yarn/v*", NPM},
		{"PROJECT/.yarn/cache", Yarn},
		{"~/go/pkg/mod/cache/download", GoZip},
		{"/go/pkg/mod/cache/download", GoZip},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.place, p.kind)
	}
	return b.String()
}

// TestDocs checks that docs/artifacts.md has the caches that are looked at. With
// DEPAUDIT_UPDATE in the environment it writes them.
func TestDocs(t *testing.T) {
	const file, begin, end = "../../docs/artifacts.md", "<!-- caches: generated -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no generated part", file)
	}
	want := before + begin + placesTable() + end + after
	if string(text) == want {
		return
	}
	if os.Getenv("DEPAUDIT_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs from the table of caches; DEPAUDIT_UPDATE=1 go test ./lockcheck/artifact -run TestDocs writes it", file)
}
