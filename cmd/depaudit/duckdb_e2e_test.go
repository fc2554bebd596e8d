package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit/fleet"
)

// duckDB is a process of the engine, which answers one question after the other in a
// directory.
type duckDB struct {
	dir string
	in  io.Writer
	out *bufio.Reader
}

// newDuckDB starts the engine that testdata/duckdb pins, from npm's registry.
func newDuckDB(t *testing.T, dir string, env ...string) *duckDB {
	t.Helper()
	endToEnd(t)
	cache := os.Getenv("DEPAUDIT_E2E_CACHE")
	if cache == "" {
		cache = t.TempDir()
	}
	home := filepath.Join(cache, "duckdb")
	for _, name := range []string{"package.json", "package-lock.json", "query.mjs"} {
		writeFile(t, filepath.Join(home, name), read(t, "cmd/depaudit/testdata/duckdb/"+name))
	}
	// npm ci installs what the lock has, checks its hashes, and removes all else.
	install := exec.CommandContext(t.Context(), "npm", "ci", "--silent", "--no-audit", "--no-fund")
	install.Dir, install.Env = home, append(os.Environ(), "npm_config_cache="+filepath.Join(cache, "npm"), "npm_config_update_notifier=false")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	cmd := exec.Command("node", filepath.Join(home, "query.mjs")) // ends with its input
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return &duckDB{dir, in, bufio.NewReader(out)}
}

// duckAnswer is the result of one question.
type duckAnswer struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
	Error   string   `json:"error"`
	// MS is the time of the question, in milliseconds.
	MS float64 `json:"ms"`
}

// try runs SQL, which may have an error.
func (d *duckDB) try(t *testing.T, sql string) duckAnswer {
	t.Helper()
	line, err := json.Marshal(sql)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(d.in, "%s\n", line); err != nil {
		t.Fatal(err)
	}
	text, err := d.out.ReadBytes('\n')
	if err != nil {
		t.Fatal("the engine ended:", err)
	}
	var a duckAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// query runs SQL and returns its rows.
func (d *duckDB) query(t *testing.T, sql string) duckAnswer {
	t.Helper()
	a := d.try(t, sql)
	if a.Error != "" {
		t.Fatalf("%s\n%s", sql, a.Error)
	}
	return a
}

// views makes the views of docs/fleet-tables.md, of the export in the directory "fleet".
func (d *duckDB) views(t *testing.T) {
	t.Helper()
	for _, table := range []string{fleet.StageTable, fleet.DependencyTable} {
		d.query(t, fleetSQL(t, table+" view"))
	}
}

// fleetSQL returns the block of SQL in a section of docs/fleet-tables.md or
// docs/fleet-questions.md, which must not both have it.
func fleetSQL(t *testing.T, section string) string {
	t.Helper()
	pages := read(t, "docs/fleet-tables.md") + read(t, "docs/fleet-questions.md")
	_, text, ok := strings.Cut(pages, "<!-- "+section+" -->\n")
	text, rest, ends := strings.Cut(text, "<!-- end of "+section+" -->\n")
	blocks := fenced(text, "sql")
	if !ok || !ends || len(blocks) != 1 || strings.Contains(rest, "<!-- "+section+" -->") {
		t.Fatalf("the pages about fleets do not have one section %q with one block of SQL", section)
	}
	return blocks[0].text
}
