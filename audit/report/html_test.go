package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/depaudit/depaudit/audit"
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
				if want := fmt.Sprintf(">%d</b>", s.Counts.Total); !strings.Contains(b.String(), want) {
					t.Errorf("the page does not have the number of stage %s, %d", s.Name, s.Counts.Total)
				}
			}
		})
	}
}

// elements are all that a page has.
var pageElements = strings.Fields("html head meta title style body main h1 h2 h3 p nav ul li a section div table caption thead tbody tr th td b span code br svg path rect g text label input select option button output script")

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
