package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
)

// TestRulesPage checks docs/rules.md against the rules, which document
// themselves.
func TestRulesPage(t *testing.T) {
	severity := func(s audit.Severity) string {
		if s == "" {
			return "–"
		}
		return string(s)
	}
	var b strings.Builder
	b.WriteString("| rule | title | in a critical stage | in others |\n| --- | --- | --- | --- |\n")
	for _, r := range audit.Rules() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", r.ID, r.ID, r.Title, severity(r.Strict), severity(r.Other))
	}
	for _, r := range audit.Rules() {
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n\n**Why:** %s\n\n**Fix:** %s\n\n**Accept:** %s\n\n**Except:** %s\n", r.ID, r.Title, r.What, r.Why, r.Fix, r.Accept, r.Except())
	}
	generated(t, "docs/rules.md", "rules", b.String())
}

// TestConfigurationPage reads every example of docs/configuration.md as the
// program does, and checks that the first one has every key of the schema.
func TestConfigurationPage(t *testing.T) {
	examples := fenced(read(t, "docs/configuration.md"), "yaml")
	if len(examples) == 0 {
		t.Fatal("docs/configuration.md has no example")
	}
	for _, e := range examples {
		if _, err := config.Parse("depaudit.yaml", []byte(e.text)); err != nil {
			t.Errorf("docs/configuration.md:%d: %v", e.line, err)
		}
	}
	type object struct {
		Properties map[string]json.RawMessage
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(read(t, "docs/depaudit.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, o := range append(slices.Collect(maps.Values(schema.Defs)), schema.object) {
		for key := range o.Properties {
			keys[key] = true
		}
	}
	if len(keys) < 10 {
		t.Fatalf("the schema has the keys %v only", slices.Sorted(maps.Keys(keys)))
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !regexp.MustCompile(`(?m)^[ -]*` + key + `:`).MatchString(examples[0].text) {
			t.Errorf("docs/configuration.md: the first example does not show %q", key)
		}
	}
}

// TestArchitecturePage checks that every package has a line in the table.
func TestArchitecturePage(t *testing.T) {
	page := read(t, "ARCHITECTURE.md")
	for _, dir := range slices.Sorted(maps.Keys(layers)) {
		if dir != exportTest && !regexp.MustCompile("(?m)^\\|[^|]*\\| `"+regexp.QuoteMeta(dir)+"` \\|").MatchString(page) {
			t.Errorf("ARCHITECTURE.md: the table of layers has no line for `%s`", dir)
		}
	}
}

// TestLinks checks that links within the repository have a target.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages(t) {
		for i, line := range strings.Split(read(t, page), "\n") {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
					continue
				}
				file, anchor, _ := strings.Cut(m[1], "#")
				target := page
				if file != "" {
					target = path.Join(path.Dir(page), file)
				}
				if _, err := os.Stat(filepath.Join(moduleRoot, filepath.FromSlash(target))); err != nil {
					t.Errorf("%s:%d: %s is not there", page, i+1, m[1])
					continue
				}
				if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
					t.Errorf("%s:%d: %s has no heading #%s", page, i+1, target, anchor)
				}
			}
		}
	}
}

// TestReachable checks that README.md leads to every page.
func TestReachable(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s#]+\.md)[#)]`)
	seen := map[string]bool{"README.md": true}
	for todo := []string{"README.md"}; len(todo) > 0; todo = todo[1:] {
		for _, m := range link.FindAllStringSubmatch(read(t, todo[0]), -1) {
			target := path.Join(path.Dir(todo[0]), m[1])
			if !strings.Contains(m[1], "://") && !seen[target] {
				seen[target] = true
				todo = append(todo, target)
			}
		}
	}
	for _, page := range pages(t) {
		if !seen[page] {
			t.Errorf("no links lead from README.md to %s", page)
		}
	}
}

// TestCommandsOnPages checks that the commands and flags of depaudit that the pages
// mention exist.
func TestCommandsOnPages(t *testing.T) {
	mention := regexp.MustCompile("(?m)(?:^[ >$]*|[`(]|sudo |run |-v\\ )(?:\\./)?depaudit(?:\\)\")?((?: [^\\s`|;&#]+)+)")
	flag := regexp.MustCompile(`^--([a-z][a-z-]+)`)
	span := regexp.MustCompile("`depaudit ([a-z]+)")
	root := (&command{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, env: func(string) string { return "" }}).root()
	found := 0
	for _, page := range pages(t) {
		for _, m := range mention.FindAllStringSubmatch(read(t, page), -1) {
			words := strings.Fields(m[1])
			cmd, rest := root, words
			for len(rest) > 0 {
				i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == rest[0] })
				if i < 0 {
					break
				}
				cmd, rest = cmd.Commands()[i], rest[1:]
			}
			if cmd == root {
				continue // a sentence; the spans of code are checked below
			}
			found++
			for _, w := range rest {
				if f := flag.FindStringSubmatch(w); f != nil && cmd.Flag(f[1]) == nil && f[1] != "help" {
					t.Errorf("%s: depaudit%s: %s has no flag --%s", page, m[1], cmd.CommandPath(), f[1])
				}
			}
		}
		for _, m := range span.FindAllStringSubmatch(read(t, page), -1) {
			if !slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == m[1] }) {
				t.Errorf("%s: there is no command depaudit %s", page, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands on all pages", found)
	}
}

// pages are the Markdown files at the root and in docs.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "testdata/*/README.md"} {
		names, err := fs.Glob(os.DirFS(moduleRoot), pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, names...)
	}
	if !slices.Contains(found, "README.md") {
		t.Fatal("there is no README.md")
	}
	return found
}

// anchors are the names that GitHub gives the headings of a page.
func anchors(page string) []string {
	var names []string
	for _, line := range strings.Split(page, "\n") {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		names = append(names, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, title))
	}
	return names
}

// TestHelpWidth checks that the help of every command fits a terminal of 80
// columns.
func TestHelpWidth(t *testing.T) {
	var stdout strings.Builder
	c := command{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stdout, env: func(string) string { return "" }}
	var all func(cmd *cobra.Command)
	all = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" || cmd.Name() == "help" {
			return // cobra's own
		}
		stdout.Reset()
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(stdout.String(), "\n") {
			if utf8.RuneCountInString(line) > helpWidth {
				t.Errorf("%s --help has a line of %d columns: %s", cmd.CommandPath(), utf8.RuneCountInString(line), line)
			}
		}
		for _, sub := range cmd.Commands() {
			all(sub)
		}
	}
	all(c.root())
}
