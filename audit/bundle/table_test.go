package bundle

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	table "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// hostileNames would be something else in Markdown, HTML or on GitHub, or would end
// the cell or the row that they are in.
var hostileNames = []string{
	"a|b", "a`b", "``|``", `a\|b`, "a\nb", "a\r\n| x | y |", "<script>alert(1)</script>", "<!-- x", "</details>", "![x](https://example.org/x.png)",
	"[x](javascript:alert(1))", "https://example.org", "www.example.org", "@someone", "#1", "org/repo#1", "GH-1", ":smile:", "**x**", "~~x~~", "__init__",
	"&lt;b&gt;", "a\u202eb", "a\x1b[31m", "- x", "# x", "> x", "1. x", "    x", "[^1]", "$x$", "| --- |", "a b", "日本語", strings.Repeat("x", 2000),
}

// large is a report whose first stage has n dependencies more, with the hostile names
// among them.
func large(t *testing.T, n int) *audit.Report {
	t.Helper()
	r := sample(t, audit.Pass)
	s := &r.Stages[0]
	for i := range n {
		name := fmt.Sprintf("lib%04d", i)
		if i < len(hostileNames) {
			name = hostileNames[i]
		}
		c := sbom.Component{PURL: fmt.Sprintf("pkg:pypi/x%d@1", i), Kind: sbom.KindPackage, Type: "pypi", Name: name, Version: fmt.Sprintf("1.%d", i), Paths: []string{"/usr/lib/" + strconv.Itoa(i)}}
		c.ID = sbom.Identity(&c) + strconv.Itoa(i)
		s.Dependencies = append(s.Dependencies, audit.Dependency{Component: c, Key: sbom.Key(&c), Provenance: audit.FromOS, Evidence: "db-owned"})
		s.Counts.Count(audit.FromOS)
	}
	s.Ecosystems = audit.CountEcosystems(s.Dependencies)
	s.Growth.Baseline = s.Counts.Total
	s.Verdict = s.DeriveVerdict()
	r.Verdict = r.DeriveVerdict()
	return r
}

// ownHTML is the HTML that the tables have.
var ownHTML = regexp.MustCompile(`^(</details>|<details><summary>[A-Za-z, ]+: [0-9]+</summary>)\s*$`)

// TestTable reads RELEASE-STAGES.md as GitHub does: each dependency of each stage is
// one row, the numbers are those of the report, and no name is anything but text.
func TestTable(t *testing.T) {
	n := 300
	if os.Getenv("DEPAUDIT_E2E") != "" {
		n = 3000
	}
	r := large(t, n)
	s := &r.Stages[0]
	for i := range 5 {
		c := sbom.Component{PURL: fmt.Sprintf("pkg:gem/gem%d@1", i), Kind: sbom.KindPackage, Type: "gem", Name: fmt.Sprintf("gem%d", i), Version: "1", Paths: []string{"/usr/lib/gem" + strconv.Itoa(i)}, Owner: s.Dependencies[0].ID}
		c.ID = sbom.Identity(&c)
		s.Dependencies = append(s.Dependencies, audit.Dependency{Component: c, Key: sbom.Key(&c), Provenance: audit.FromBundled})
		s.Counts.Count(audit.FromBundled)
	}
	files, err := Files(r, manifest())
	if err != nil {
		t.Fatal(err)
	}
	source := files[TableFile]
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser().Parse(text.NewReader(source))
	rows := map[string][]string{} // the names of each list, by its title
	var stages [][]string         // the cells of the first table
	title := ""
	for block := doc.FirstChild(); block != nil; block = block.NextSibling() {
		switch b := block.(type) {
		case *ast.HTMLBlock:
			html := string(b.Lines().Value(source))
			if b.HasClosure() {
				html += string(b.ClosureLine.Value(source))
			}
			if !ownHTML.MatchString(html) {
				t.Fatalf("HTML %q", html)
			}
			title = html
		case *table.Table:
			for row := b.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
				var cells []string
				for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
					cells = append(cells, plain(cell, source))
				}
				if title == "" {
					stages = append(stages, cells)
				} else {
					rows[title] = append(rows[title], cells[0])
				}
			}
		}
	}
	err = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.RawHTML:
			if tag := string(n.Segments.Value(source)); tag != "<sub>" && tag != "</sub>" {
				t.Errorf("HTML %q", tag)
			}
		case *ast.Link, *ast.AutoLink, *ast.Image, *table.FootnoteLink, *table.Strikethrough, *table.TaskCheckBox:
			t.Errorf("%s: %q", n.Kind(), plain(n, source))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		list := rows[fmt.Sprintf("<details><summary>Dependencies: %d</summary>\n", s.Counts.Total)]
		if len(list) != s.Counts.Total || len(stages) <= i || stages[i][0] != s.Name || stages[i][2] != strconv.Itoa(s.Counts.Total) {
			t.Errorf("%s has %d dependencies, and %d rows; the first table has %q", s.Name, s.Counts.Total, len(list), stages)
		}
		seen := map[string]bool{}
		for _, name := range list {
			seen[name] = true
		}
		for j := range s.Dependencies {
			name := s.Dependencies[j].Name
			if strings.HasPrefix(name, "lib") && !seen[name] {
				t.Errorf("%s: no row has %s", s.Name, name)
			}
		}
		if bundled := rows[fmt.Sprintf("<details><summary>Bundled, not counted: %d</summary>\n", s.Counts.Bundled)]; len(bundled) != s.Counts.Bundled {
			t.Errorf("%s has %d bundled packages, and %d rows", s.Name, s.Counts.Bundled, len(bundled))
		}
	}
	// So 3,000 dependencies are at most 300 kB, which GitHub shows as tables.
	if most := 100 * n; len(source) > most {
		t.Errorf("%d bytes for %d dependencies, and %d at most", len(source), n, most)
	}
}

// plain is the text of a node.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if leaf, ok := c.(*ast.Text); ok {
			b.Write(leaf.Segment.Value(source))
			continue
		}
		b.WriteString(plain(c, source))
	}
	return b.String()
}

// TestTableByGitHub reads it with GitHub's own parser (Debian: cmark-gfm).
func TestTableByGitHub(t *testing.T) {
	if _, err := exec.LookPath("cmark-gfm"); err != nil || os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("set DEPAUDIT_E2E=1, and install cmark-gfm")
	}
	r := large(t, 3000)
	files, err := Files(r, manifest())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/x.md", files[TableFile], 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := program(t, dir, "cmark-gfm", "--unsafe", "-e", "table", "-e", "strikethrough", "-e", "autolink", "-e", "tasklist", "-e", "footnotes", "x.md")
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Stages {
		n := r.Stages[i].Counts.Total
		_, list, _ := strings.Cut(out, fmt.Sprintf("<summary>Dependencies: %d</summary>", n))
		list, _, _ = strings.Cut(list, "</details>")
		if got := strings.Count(list, "<tr>") - 1; got != n {
			t.Errorf("%s: %d rows of %d", r.Stages[i].Name, got, n)
		}
	}
	for _, tag := range regexp.MustCompile(`<[a-z!][^>]*>`).FindAllString(out, -1) {
		if !regexp.MustCompile(`^<(h[1-6]|p|ul|li|code|table|thead|tbody|tr|(td|th)( align="(left|right)")?|details|summary|strong|em|sub)>$`).MatchString(tag) {
			t.Errorf("the tag %s", tag)
		}
	}
}
