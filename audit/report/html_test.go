package report

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// TestHTML reads the page of every report as a browser does: nothing in it refers to
// anything outside, no text became an element, all links lead somewhere, and the
// policy allows the two blocks that are there and no other.
func TestHTML(t *testing.T) {
	if len(htmlScript) > 10<<10 {
		t.Errorf("the script has %d bytes", len(htmlScript))
	}
	for name, r := range goldens() {
		t.Run(name, func(t *testing.T) {
			var b, again bytes.Buffer
			for _, w := range []*bytes.Buffer{&b, &again} {
				if err := renderHTML(w, r, Options{}); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(b.Bytes(), again.Bytes()) {
				t.Error("two pages of one report differ")
			}
			checkPage(t, b.Bytes())
			for _, s := range r.Stages {
				if has := strings.Contains(b.String(), "<h3>Definition, not counted</h3>"); s.Definition != nil && len(s.Definition.Uses) > 0 && !has {
					t.Errorf("the page does not have the definition of stage %s", s.Name)
				}
				want := fmt.Sprintf(">%d</b>", s.Counts.Total)
				if tooLow(s) {
					want = strings.Replace(want, ">", ">≥ ", 1)
				}
				if !strings.Contains(b.String(), want) {
					t.Errorf("the page does not have the number of stage %s, %d", s.Name, s.Counts.Total)
				}
			}
		})
	}
}

// TestHTMLFirstLook checks what the table of the stages says of one that does not pass:
// the reasons, those of a gap with what could not be examined, and a way to the rest.
func TestHTMLFirstLook(t *testing.T) {
	failed := audit.Stage{Name: "a", Verdict: audit.Fail, Findings: []audit.Finding{
		{Rule: "one", Severity: audit.Error, Message: "first"}, {Rule: "two", Severity: audit.Error, Message: "second"}, {Rule: "three", Severity: audit.Error, Message: "third"},
		{Rule: "four", Severity: audit.Error, Message: "fourth"}, {Rule: "five", Severity: audit.Warning, Message: "a warning"},
	}}
	lost := audit.Stage{Name: "b", Verdict: audit.Incomplete, Gaps: []audit.Gap{{Gap: sbom.Gap{Kind: sbom.GapPermission, Path: "/etc/shadow", Detail: "permission denied"}}},
		Findings: []audit.Finding{{Rule: audit.RuleGaps.ID, Severity: audit.SeverityIncomplete, Message: "1 thing could not be examined", Fix: "run `sudo depaudit`"}}}
	passed := audit.Stage{Name: "c", Verdict: audit.Pass, Findings: []audit.Finding{{Rule: "six", Severity: audit.Info, Message: "a remark"}}}
	page := rendered(t, newReport("p", audit.Fail, failed, lost, passed))
	table, _, _ := strings.Cut(page, "</section>")
	for _, want := range []string{
		"<li><code>one</code> first</li><li><code>two</code> second</li><li><code>three</code> third</li><li><a href=\"#stage-1-findings\">and 1 more, and what to do</a></li>",
		"1 thing could not be examined: /etc/shadow: permission denied</li><li><a href=\"#stage-2-findings\">what to do</a></li>",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table of the stages does not have %s:\n%s", want, table)
		}
	}
	for _, not := range []string{"a warning", "fourth", "a remark", "stage-3-findings"} {
		if strings.Contains(table, not) {
			t.Errorf("the table of the stages has %q", not)
		}
	}
	for _, want := range []string{"<p>At least 0 dependencies.", "run <code>sudo depaudit</code>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
}

// TestHTMLCuts checks that a list of files has an end, that the page has the number of
// all rows, and that the worst come first.
func TestHTMLCuts(t *testing.T) {
	l := &audit.Ledger{Counts: []audit.FileCount{{Status: audit.FileUnexplained, Files: maxListed + 1}, {Status: audit.FileConffile, Files: maxListed}, {Status: audit.FileChanged, Files: 1}}}
	for i := range maxListed + 1 {
		l.Lines = append(l.Lines, audit.FileLine{Path: fmt.Sprintf("/opt/unexplained-%05d", i), Status: audit.FileUnexplained})
	}
	for i := range maxListed {
		l.Lines = append(l.Lines, audit.FileLine{Path: fmt.Sprintf("/etc/conffile-%05d", i), Status: audit.FileConffile})
	}
	l.Lines = append(l.Lines, audit.FileLine{Path: "/usr/bin/changed", Status: audit.FileChanged})
	page := rendered(t, newReport("p", audit.Fail, audit.Stage{Name: "a", Verdict: audit.Fail, Ledger: l}))
	for _, want := range []string{"The first 2,000 of 2,001 rows", fmt.Sprintf("/opt/unexplained-%05d", maxListed-1), "/usr/bin/changed", fmt.Sprintf("/etc/conffile-%05d", maxListed-2)} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	for _, not := range []string{fmt.Sprintf("/opt/unexplained-%05d", maxListed), fmt.Sprintf("/etc/conffile-%05d", maxListed-1)} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q", not)
		}
	}
	if n := strings.Count(page, "The first 2,000"); n != 2 {
		t.Errorf("%d lists are cut, want 2", n)
	}
}

func rendered(t *testing.T, r *audit.Report) string {
	t.Helper()
	var b strings.Builder
	if err := renderHTML(&b, r, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements are all that a page has.
var pageElements = strings.Fields("html head meta title style body header main h1 h2 h3 p nav ul li dl dt dd a section div table caption thead tbody tr th td b span code br svg path rect line g text fieldset legend label input select option button output script")

func checkPage(t *testing.T, page []byte) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, links := map[string]bool{}, map[string]bool{}
	var policy string
	blocks := map[string]string{}
	var visit func(n *html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.CommentNode {
			t.Errorf("a comment: %.80q", n.Data)
		}
		if n.Type == html.ElementNode {
			if !slices.Contains(pageElements, n.Data) {
				t.Errorf("an element %q", n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "action" || a.Key == "data" || a.Key == "xlink:href":
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				case a.Key == "href":
					links[a.Val] = true
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("two elements have the id %q", a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				case a.Key == "content" && strings.Contains(a.Val, "default-src"):
					policy = a.Val
				}
			}
			if n.Data == "script" || n.Data == "style" {
				if blocks[n.Data] != "" {
					t.Errorf("two elements %s", n.Data)
				}
				blocks[n.Data] = n.FirstChild.Data
			}
		}
		for c := range n.ChildNodes() {
			visit(c)
		}
	}
	visit(root)
	for link := range links {
		if id, ok := strings.CutPrefix(link, "#"); !ok || !ids[id] {
			t.Errorf("a link to %q", link)
		}
	}
	want := fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; style-src '%s'; script-src '%s'", hashSource(blocks["style"]), hashSource(blocks["script"]))
	if policy != want {
		t.Errorf("the policy is %s\nwant %s", policy, want)
	}
	for _, data := range regexp.MustCompile(`data-for="([^"]*)"`).FindAllSubmatch(page, -1) {
		for id := range strings.FieldsSeq(string(data[1])) {
			if !ids[id] {
				t.Errorf("a control of %q, which does not exist", id)
			}
		}
	}
	for _, r := range string(page) {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			t.Errorf("the page has the character %U", r)
			break
		}
	}
}

// TestHTMLNames checks that a hostile name is text in every place of the page.
func TestHTMLNames(t *testing.T) {
	for _, name := range []string{`</title><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onload='x`, `{{.}}`, "<!--", "]]>", "a\u202eb\x1b[2J"} {
		var b bytes.Buffer
		if err := renderHTML(&b, hostile(name), Options{}); err != nil {
			t.Fatal(err)
		}
		checkPage(t, b.Bytes())
	}
	if err := renderHTML(new(bytes.Buffer), newReport("p", audit.Incomplete), Options{}); err != nil {
		t.Error("a report without stages:", err)
	}
}

// TestHTMLContrast checks the texts on areas, which tools that look at a page cannot:
// at least 4.5 to 1 (WCAG 2.2, 1.4.3), in light and dark; and that nothing on the page
// moves.
func TestHTMLContrast(t *testing.T) {
	variables := func(rule string) map[string]string {
		_, text, ok := strings.Cut(htmlStyle, rule)
		text, _, closed := strings.Cut(text, "}")
		if !ok || !closed {
			t.Fatalf("the style has no %q", rule)
		}
		out := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+):(#\w+)`).FindAllStringSubmatch(text, -1) {
			out[m[1]] = m[2]
		}
		return out
	}
	light := variables(":root{")
	dark := maps.Clone(light)
	maps.Copy(dark, variables("(prefers-color-scheme:dark){:root{"))
	for _, pair := range []struct {
		text, on string
		least    float64
	}{
		{"#fff", "p", 4.5}, {"#fff", "s", 4.5}, {"#fff", "h", 4.5}, {"ci", "c", 4.5}, {"#1b1f24", "w", 4.5}, {"#fff", "x", 4.5}, {"#fff", "u", 4.5},
		{"fg", "head", 4.5}, {"soft", "bg", 4.5}, {"soft", "head", 4.5},
		{"bar", "bg", 3}, {"fail", "bg", 3}, {"all", "bg", 3}, // 1.4.11: parts of drawings
	} {
		for name, theme := range map[string]map[string]string{"light": light, "dark": dark} {
			if got := contrast(t, cmp.Or(theme[pair.text], pair.text), theme[pair.on]); got < pair.least {
				t.Errorf("%s: %s on %s is %.2f to 1, want %.1f", name, pair.text, pair.on, got, pair.least)
			}
		}
	}
	for _, word := range []string{"transition", "animation", "scroll-behavior", "@keyframes"} {
		if strings.Contains(htmlStyle, word) || strings.Contains(htmlScript, word) {
			t.Errorf("the page has %s, and no rule for those who want nothing to move", word)
		}
	}
}

// contrast is the ratio of two colours, #rgb or #rrggbb, by WCAG 2.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(s string) float64 {
		if len(s) == 4 {
			s = "#" + string([]byte{s[1], s[1], s[2], s[2], s[3], s[3]})
		}
		var rgb [3]int
		if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			c := float64(rgb[i]) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	l, d := luminance(a), luminance(b)
	return (max(l, d) + 0.05) / (min(l, d) + 0.05)
}
