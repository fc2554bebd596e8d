package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	page       = "../../docs/fleet-tables.md"
	schemaFile = "../../docs/fleet.schema.json"
)

// TestDocs checks that docs/fleet-tables.md and docs/fleet.schema.json have the columns.
// With DEPAUDIT_UPDATE in the environment it writes them.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, table := range []string{StageTable, DependencyTable} {
		var b strings.Builder
		fmt.Fprintf(&b, "| column | type | null | |\n| --- | --- | --- | --- |\n")
		for _, c := range Columns(table) {
			null := ""
			if c.Null {
				null = "null"
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", c.Name, c.Type, null, c.Doc)
		}
		text = section(t, text, table, b.String())
		var view strings.Builder
		fmt.Fprintf(&view, "```sql\nCREATE VIEW %s AS SELECT * FROM read_json('fleet/%s/%s/*/*.ndjson.gz', format = 'newline_delimited', hive_partitioning = true, hive_types = {'date': DATE}, columns = {\n", table, table, Version)
		columns := Columns(table)
		for i, c := range columns {
			comma := ","
			if i == len(columns)-1 {
				comma = ""
			}
			fmt.Fprintf(&view, "  %q: '%s'%s\n", c.Name, c.Type, comma)
		}
		view.WriteString("});\n```\n")
		text = section(t, text, table+" view", view.String())
	}
	schema, err := json.MarshalIndent(Schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{page: text, schemaFile: string(schema) + "\n"} {
		have, _ := os.ReadFile(name)
		if string(have) == want {
			continue
		}
		if os.Getenv("DEPAUDIT_UPDATE") == "" {
			t.Errorf("%s is out of date; run DEPAUDIT_UPDATE=1 go test ./audit/fleet -run TestDocs", name)
		} else if err := os.WriteFile(name, []byte(want), 0o666); err != nil {
			t.Error(err)
		}
	}
}

// section replaces what is between two marks.
func section(t *testing.T, text, name, with string) string {
	t.Helper()
	first, last := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, ok := strings.Cut(text, first)
	_, after, ends := strings.Cut(rest, last)
	if !ok || !ends {
		t.Fatalf("%s has no section %q", page, name)
	}
	return before + first + with + last + after
}
