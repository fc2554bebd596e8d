package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image"
	_ "image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/depaudit/depaudit/audit/terminal"
)

// axeCore checks a page for people who do not see it or do not use a mouse:
// https://www.npmjs.com/package/axe-core.
const axeCore = "axe-core@4.14.1"

// TestPageInBrowser opens pages in Chromium, as they are read: with and without script,
// at several widths, by keyboard, by a reader of screens, and on paper. -update-docs
// writes the pictures in docs.
func TestPageInBrowser(t *testing.T) {
	endToEnd(t)
	pages := reportPages(t)
	b := newChromium(t)
	look(t, pages, func(view) browser { return b })
	for name, page := range pages {
		t.Run("tree of "+name, func(t *testing.T) { checkTree(t, b, page) })
	}
	t.Run("pictures", func(t *testing.T) { checkPictures(t, b, pages["cpython"]) })
}

// TestPageInFirefox does the same in an engine that shares no code with Chromium, but
// for the tree, which WebDriver does not give.
func TestPageInFirefox(t *testing.T) {
	endToEnd(t)
	pages := reportPages(t)
	delete(pages, "large") // as "one stage", and minutes of axe-core
	look(t, pages, func(as view) browser { return newFirefox(t, as) })
}

// look looks at pages in a browser, of which some have their colours, and whether there
// is script, for the whole process.
func look(t *testing.T, pages map[string]reportPage, of func(as view) browser) {
	axe := axeSource(t)
	light, dark, plain := of(view{}), of(view{dark: true}), of(view{noScript: true})
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		page := pages[name]
		t.Run(name, func(t *testing.T) {
			t.Run("quiet", func(t *testing.T) { checkQuiet(t, light, page) })
			t.Run("without script", func(t *testing.T) { checkPlain(t, plain, page) })
			t.Run("widths", func(t *testing.T) { checkWidths(t, light, page) })
			t.Run("paper", func(t *testing.T) { checkPaper(t, light, page) })
			t.Run("axe", func(t *testing.T) {
				rules := allRules
				if name == "large" {
					rules = notColours // of each cell takes minutes, and "one stage" has the same
				}
				p := light.open(t, page.path, view{width: 1280, height: 900})
				for _, v := range runAxe(p, axe, rules) {
					t.Error(v)
				}
				p.close()
				if name != "every part" && name != "hostile" {
					return // the colours are the same
				}
				p = dark.open(t, page.path, view{width: 1280, height: 900, dark: true})
				for _, v := range runAxe(p, axe, colours) {
					t.Error("dark: ", v)
				}
				var background string
				if p.eval(`getComputedStyle(document.body).backgroundColor`, &background); background != "rgb(15, 20, 25)" {
					t.Errorf("the background in the dark is %s", background)
				}
				p.close()
			})
		})
	}
	t.Run("keyboard", func(t *testing.T) { checkKeyboard(t, light, pages["every part"]) })
	t.Run("filters", func(t *testing.T) { checkFilters(t, light, pages["cpython"]) })
	t.Run("faults are seen", func(t *testing.T) {
		bad := filepath.Join(t.TempDir(), "bad.html")
		light.wantSeen()
		writeFiles(t, filepath.Dir(bad), map[string]string{"bad.html": `<!doctype html><title>x</title><h1>a</h1><h4>b</h4><p style="color:#ccc;width:900px">pale</p><img src="http://` + seenHost + `/x">
<div onclick="1" tabindex="3">x</div><table><tr><td>1</table><script>console.error('x');document.title='evil'</script>`})
		p := light.open(t, bad, view{width: 400, height: 600})
		if list := p.faults(); len(list) < 2 {
			t.Errorf("a page with a script and a picture: %q", list)
		}
		if list := runAxe(p, axe, allRules); len(list) < 3 {
			t.Errorf("a page for those who see it: %q", list)
		}
		if overflow(p) <= 0 {
			t.Error("a page that is too wide")
		}
		p.close()
		// A page whose policy refuses what it has.
		writeFiles(t, filepath.Dir(bad), map[string]string{"refused.html": `<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><title>x</title><p>x<script>document.title='evil'</script>`})
		p = light.open(t, filepath.Join(filepath.Dir(bad), "refused.html"), view{width: 400, height: 600})
		if list := p.faults(); len(list) == 0 {
			t.Error("what a policy refuses is not seen")
		}
		p.close()
	})
}

// TestPageOfManyStages opens ten stages of 3,000 dependencies: the page has all of them
// in a few bytes each, and the script does not hold up its reader.
func TestPageOfManyStages(t *testing.T) {
	endToEnd(t)
	const stages, each = 10, 3000
	dir := t.TempDir()
	config := "pipeline: many\nstages:\n"
	for i := range stages {
		largeRoot(t, filepath.Join(dir, fmt.Sprint("root", i)), i*1000, each)
		config += fmt.Sprintf("  - {name: stage-%d, environment: \"dir:root%d\"}\n", i, i)
	}
	writeFiles(t, dir, map[string]string{"depaudit.yaml": config})
	file := filepath.Join(dir, "page.html")
	if _, errs, code := program(t, dir, "audit", "-o", "html="+file); code != exitPass {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if size := len(read1(t, file)); size > 200*stages*each {
		t.Errorf("%d bytes, %d for each dependency", size, size/stages/each)
	} else {
		t.Logf("%d bytes", size)
	}
	t.Run("chromium", func(t *testing.T) {
		b := newChromium(t)
		checkLoad(t, b, b, file, stages*each)
	})
	t.Run("firefox", func(t *testing.T) {
		checkLoad(t, newFirefox(t, view{noScript: true}), newFirefox(t, view{}), file, stages*each)
	})
}

// checkLoad opens a page without script and with it. Other work of the machine only makes
// a page slower, so that the shortest times are compared, of more pages where they differ.
func checkLoad(t *testing.T, without, with browser, file string, dependencies int) {
	var plain, scripted []float64 // milliseconds until the page is loaded
	for round := 0; round < 2 || round < 10 && slices.Min(scripted) > 2*slices.Min(plain); round++ {
		for _, noScript := range []bool{true, false} {
			b := with
			if noScript {
				b = without
			}
			p := b.open(t, file, view{width: 1280, height: 900, noScript: noScript})
			var got struct {
				Load        float64
				Rows, Areas int
			}
			p.eval(`({Load: performance.getEntriesByType("navigation")[0].loadEventEnd, Rows: document.querySelectorAll(".ev td:nth-child(4)").length, Areas: document.querySelectorAll(".count g path").length})`, &got)
			if got.Rows != dependencies || got.Areas != dependencies {
				t.Errorf("%d rows and %d areas of %d", got.Rows, got.Areas, dependencies)
			}
			if noScript {
				plain = append(plain, got.Load)
			} else {
				scripted = append(scripted, got.Load)
			}
			p.close()
		}
	}
	t.Logf("loaded in %.0f ms without script, %.0f with it", plain, scripted)
	// It was 3.6 times when the script prepared everything at once.
	if slices.Min(scripted) > 2*slices.Min(plain) {
		t.Error("the script holds up the reader of the page")
	}
}

// checkQuiet uses everything on a page, and checks that no script of a name runs, no
// request leaves, and the console is clean.
func checkQuiet(t *testing.T, b browser, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900})
	defer p.close()
	var title string
	p.eval(`document.title`, &title)
	p.eval(`(async () => {
		const turn = () => new Promise(done => setTimeout(done));
		const set = (e, value, type) => { e.value = value; e.dispatchEvent(new Event(type, {bubbles: true})); };
		for (const table of [...document.querySelectorAll("table.sort")].slice(0, 12))
			for (const button of table.querySelectorAll("th button")) { button.click(); button.click(); }
		for (const select of document.querySelectorAll("select"))
			for (const option of [...select.options].slice(0, 40)) set(select, option.value, "change");
		for (const select of document.querySelectorAll("select")) set(select, "", "change");
		for (const input of document.querySelectorAll("input[type=search]"))
			for (const text of ["evil", "<script>", "(", "no such name"]) set(input, text, "input");
		for (const input of document.querySelectorAll("input[type=search]")) set(input, "", "input");
		for (const radio of document.querySelectorAll("input[type=radio]")) radio.click();
		for (const path of [...document.querySelectorAll(".map path")].slice(0, 200))
			for (const type of ["mouseover", "click"]) path.dispatchEvent(new MouseEvent(type, {bubbles: true, clientX: 100, clientY: 100}));
		for (const e of document.querySelectorAll("*")) for (const type of ["load", "error", "focus"]) e.dispatchEvent(new Event(type));
		await turn();
	})()`, nil)
	var now string
	p.eval(`document.title`, &now)
	if now != title || strings.HasPrefix(now, "evil") {
		t.Errorf("the title was %q and is %q", title, now)
	}
	for _, fault := range p.faults() {
		t.Error(fault)
	}
	var strange []string
	p.eval(`[...document.querySelectorAll("img,iframe,object,embed,form,base,link,meta:not([charset],[name=viewport],[http-equiv=Content-Security-Policy]),use,image,foreignObject,animate,set")].map(e => e.outerHTML.slice(0, 200))`, &strange)
	if len(strange) > 0 {
		t.Errorf("elements that no page has: %q", strange)
	}
	var clobbered bool
	p.eval(`typeof document.querySelectorAll !== "function" || document.styleSheets.length !== 1 || document.scripts.length !== 1`, &clobbered)
	if clobbered {
		t.Error("a name has become a part of the document, or there is another style or script")
	}
	var moving int
	p.eval(`document.getAnimations().length`, &moving)
	if moving > 0 {
		t.Errorf("%d things move", moving)
	}
}

// checkPlain checks that without script every name is on the page, where the search of
// a browser finds it, and no control is shown that would do nothing.
func checkPlain(t *testing.T, b browser, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900, noScript: true})
	defer p.close()
	var text string
	p.eval(`document.querySelector("header").textContent + document.querySelector("main").textContent`, &text)
	checkNames(t, page, text)
	for _, s := range page.report.Stages {
		for i := range s.Dependencies {
			// The last ones are far below the window, in boxes that scroll.
			if name := s.Dependencies[i].FullName(); i >= len(s.Dependencies)-3 && s.Dependencies[i].Provenance.Counted() && name == terminal.EscapeTo(name, 60) {
				var found bool
				p.eval(fmt.Sprintf(`getSelection().removeAllRanges(), window.find(%q)`, name), &found)
				if !found {
					t.Errorf("the search of the browser does not find %q", name)
				}
			}
		}
	}
	var shown []string
	p.eval(`[...document.querySelectorAll("button,select,input[type=search],input[type=checkbox],details")].filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 100))`, &shown)
	if len(shown) > 0 {
		t.Errorf("controls without script: %q", shown)
	}
	for _, fault := range p.faults() {
		t.Error(fault)
	}
	// The switch of the drawing is a matter of style.
	var drawn []string
	p.eval(`(() => {
		const maps = document.querySelector(".maps");
		if (!maps) return ["map count", "map bytes"];
		const drawn = () => [...maps.querySelectorAll(".map")].filter(e => e.checkVisibility()).map(e => e.className.baseVal);
		const before = drawn();
		maps.querySelector(".by").click();
		return [...before, ...drawn()];
	})()`, &drawn)
	if strings.Join(drawn, ", ") != "map count, map bytes" {
		t.Errorf("drawings before and after the switch: %q", drawn)
	}
}

// checkNames checks that a text has every dependency, and the stages that are not
// reported. Space does not matter: a line can be broken anywhere.
func checkNames(t *testing.T, page reportPage, text string) {
	t.Helper()
	text = withoutSpace(text)
	missing := 0
	need := func(name string) {
		name = withoutSpace(terminal.EscapeTo(name, 4096))
		// A name can go on at the top of the next sheet, below the head of its table.
		if name = name[:min(len(name), 60)]; !strings.Contains(text, name) {
			if missing++; missing <= 5 {
				t.Errorf("%.200q is not there", name)
			}
		}
	}
	for _, s := range page.report.Stages {
		for i := range s.Dependencies {
			if d := &s.Dependencies[i]; d.Provenance.Counted() {
				need(d.FullName())
			}
		}
		for _, e := range s.Growth.Removed {
			need(e.Version)
		}
		for _, g := range s.Gaps {
			need(g.Detail)
		}
	}
	if page.report.Inputs != nil {
		for _, s := range page.report.Inputs.Stages {
			need(s.Name)
		}
	}
	if missing > 5 {
		t.Errorf("and %d more", missing-5)
	}
}

// withoutSpace returns a text without what printing can change in it: space, and marks
// on letters, of which Firefox makes one character with their letter.
func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Mn, r) || r == '\u00ad' || r == '\f':
			return -1
		case r == 'á':
			return 'a'
		}
		return r
	}, s)
}

// overflow is by how much a page is wider than its window.
func overflow(p tab) (n int) {
	p.eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &n)
	return n
}

// checkWidths checks that no page as a whole scrolls sideways: on a telephone, at 320
// (WCAG 2.2, 1.4.10), and on a screen at twice the size of letters (1.4.4).
func checkWidths(t *testing.T, b browser, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900})
	defer p.close()
	for _, v := range []view{{width: 320, height: 640, scale: 2}, {width: 400, height: 800}, {width: 640, height: 450, scale: 2}, {width: 1280, height: 900}} {
		p.resize(v)
		if n := overflow(p); n > 0 {
			var wide []string
			p.eval(`[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll,.map") && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 150))`, &wide)
			t.Errorf("at %d the page is %d wider than the window: %q", v.width, n, wide)
		}
		// The numbers are read on a telephone without scrolling.
		var hidden int
		p.eval(`(() => { const box = document.querySelector(".numbers")?.parentNode; return box ? box.scrollWidth - box.clientWidth : 0; })()`, &hidden)
		if hidden > 0 && v.width >= 400 {
			t.Errorf("at %d the numbers of the stages are %d wider than the window", v.width, hidden)
		}
	}
	p.resize(view{width: 1280, height: 900})
	p.eval(`document.documentElement.style.fontSize = "200%"`, nil)
	if n := overflow(p); n > 0 {
		t.Errorf("with letters of twice the size the page is %d wider than the window", n)
	}
}

// checkTree reads the page as it is given to a reader of screens.
func checkTree(t *testing.T, b *chromium, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900}).(*chromiumTab)
	defer p.close()
	type value struct {
		Value any `json:"value"`
	}
	type node struct {
		ID         string   `json:"nodeId"`
		Ignored    bool     `json:"ignored"`
		Role, Name value    `json:",omitempty"`
		Children   []string `json:"childIds"`
		Properties []struct {
			Name  string `json:"name"`
			Value value  `json:"value"`
		} `json:"properties"`
	}
	var tree struct{ Nodes []node }
	p.do("Accessibility.getFullAXTree", nil, &tree)
	nodes := map[string]node{}
	for _, n := range tree.Nodes {
		nodes[n.ID] = n
	}
	var count func(id, role string) int
	count = func(id, role string) (n int) {
		if nodes[id].Role.Value == role && !nodes[id].Ignored {
			n++
		}
		for _, child := range nodes[id].Children {
			n += count(child, role)
		}
		return n
	}
	roles := map[string]int{}
	level := 0.0
	names := map[string]bool{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if n.Ignored {
			continue
		}
		roles[role]++
		switch role {
		case "heading":
			now := 0.0
			for _, property := range n.Properties {
				if property.Name == "level" {
					now, _ = property.Value.Value.(float64)
				}
			}
			if name == "" || now > level+1 || now == 0 {
				t.Errorf("a heading of level %v after one of %v: %.100q", now, level, name)
			}
			level = now
		case "table":
			heads, rows, rowHeads := count(n.ID, "columnheader"), count(n.ID, "row"), count(n.ID, "rowheader")
			if name == "" || names[name] || heads < 2 || rowHeads < rows-1 && !strings.HasPrefix(name, "To scale") {
				t.Errorf("a table %.100q with %d heads of columns and %d of %d rows, or another one of that name", name, heads, rowHeads, rows)
			}
			names[name] = true
		case "image":
			if name == "" {
				t.Error("a picture without a text")
			}
		case "main", "banner", "navigation", "region", "button", "textbox", "searchbox", "combobox", "radio", "checkbox", "link":
			if name == "" && role != "main" && role != "banner" {
				t.Errorf("a %s without a name", role)
			}
		}
	}
	if roles["main"] != 1 || roles["banner"] != 1 || roles["navigation"] != 1 || roles["table"] == 0 || roles["image"] == 0 {
		t.Errorf("landmarks, tables and pictures: %v", roles)
	}
}

// checkPaper prints the page on A4 and Letter: every name is there, and no word is
// beyond the margin.
func checkPaper(t *testing.T, b browser, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900})
	defer p.close()
	for _, paper := range []struct {
		name          string
		width, height float64
	}{{"A4", 8.27, 11.69}, {"Letter", 8.5, 11}} {
		file := filepath.Join(t.TempDir(), "page.pdf")
		data := p.print(paper.width, paper.height)
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
		checkNames(t, page, poppler(t, "-raw", file))
		var doc struct {
			Pages []struct {
				Width float64 `xml:"width,attr"`
				Words []struct {
					Right float64 `xml:"xMax,attr"`
					Text  string  `xml:",chardata"`
				} `xml:"word"`
			} `xml:"body>doc>page"`
		}
		decoder := xml.NewDecoder(strings.NewReader(poppler(t, "-bbox", file)))
		decoder.Strict = false
		if err := decoder.Decode(&doc); err != nil || len(doc.Pages) < 1 {
			t.Fatalf("pdftotext -bbox: %v, %d pages", err, len(doc.Pages))
		}
		cut := 0
		for n, sheet := range doc.Pages {
			for _, word := range sheet.Words {
				if word.Right > sheet.Width-72*printMargin+2 {
					if cut++; cut <= 3 {
						t.Errorf("%s, sheet %d: %.80q ends at %.0f of %.0f", paper.name, n+1, word.Text, word.Right, sheet.Width)
					}
				}
			}
		}
		t.Logf("%s: %d sheets, %d words beyond the margin", paper.name, len(doc.Pages), cut)
	}
}

// poppler returns the text of a PDF.
func poppler(t *testing.T, how, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pdftotext", how, file, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext %s: %v", how, err)
	}
	return string(out)
}

// checkKeyboard walks over a page with the tabulator: each control is reached in the
// order of the page, the focus is seen, there is a way back, and each kind of control
// does what a click does.
func checkKeyboard(t *testing.T, b browser, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900, still: true})
	defer func() { p.close() }()
	// One stop for each group of radio buttons, as in every browser.
	var want int
	p.eval(`window.stops = [...document.querySelectorAll("a[href],button,input,select,[tabindex]")].filter(e => e.checkVisibility() && !(e.type === "radio" && !e.checked)), stops.length`, &want)
	var seen []int
	for range want + 5 {
		p.press("Tab", false)
		var at struct {
			Index   int
			Outline string
			Within  bool
			HTML    string
		}
		p.eval(`(() => {
			const e = document.activeElement, style = getComputedStyle(e), r = e.getBoundingClientRect();
			return {Index: stops.indexOf(e), Outline: style.outlineStyle === "none" ? "" : style.outlineWidth, Within: r.bottom > 0 && r.top < innerHeight, HTML: e.outerHTML.slice(0, 120)};
		})()`, &at)
		if at.Index < 0 {
			break // the end of the page
		}
		if at.Outline == "" || at.Outline == "0px" || !at.Within {
			t.Errorf("the focus is not seen: %+v", at)
		}
		seen = append(seen, at.Index)
	}
	if len(seen) != want || !slices.IsSorted(seen) {
		t.Errorf("%d of %d controls are reached: %v", len(seen), want, seen)
	}
	p.press("Tab", true)
	var back bool
	p.eval(`stops.indexOf(document.activeElement) >= 0`, &back)
	if !back {
		t.Error("there is no way back into the page")
	}
	// The keyboard is with the browser's own controls now.
	p.close()
	p = b.open(t, page.path, view{width: 1280, height: 900, still: true})

	focus := func(selector string) {
		t.Helper()
		p.eval(fmt.Sprintf(`document.querySelector(%q).focus()`, selector), nil)
	}
	text := func(script string) (out string) {
		t.Helper()
		p.eval(`String(`+script+`)`, &out)
		return out
	}
	const table = `document.querySelector("table.ev")`
	focus("table.ev th button")
	p.press("Enter", false)
	up := text(table + `.tBodies[0].rows[0].cells[0].textContent`)
	p.press(" ", false)
	if down, state := text(table+`.tBodies[0].rows[0].cells[0].textContent`), text(table+`.querySelector("[aria-sort]").ariaSort`); up == down || state != "descending" {
		t.Errorf("the first row is %q and then %q, %s", up, down, state)
	}
	focus("input[type=radio]")
	p.press("ArrowRight", false)
	if shown := text(`[...document.querySelector(".maps").querySelectorAll(".map")].filter(e => e.checkVisibility()).map(e => e.className.baseVal)`); shown != "map bytes" {
		t.Errorf("the drawing by %q", shown)
	}
	focus(".zoom select")
	p.press("ArrowDown", false)
	if box := text(`document.querySelector(".map").getAttribute("viewBox")`); box == "0 0 2400 1200" {
		t.Error("the list does not zoom")
	}
	if out := text(`document.querySelector(".maps output").textContent`); !strings.HasPrefix(out, "only ") {
		t.Errorf("nothing is said of the zoom: %q", out)
	}
	p.press("Escape", false)
	if box := text(`document.querySelector(".map").getAttribute("viewBox")`); box != "0 0 2400 1200" {
		t.Error("there is no way back from a zoom:", box)
	}
	focus("input[type=checkbox]")
	p.press(" ", false)
	if out := text(`document.querySelector(".filter output").textContent`); !strings.HasPrefix(out, "5 of 164 ") {
		t.Errorf("new only: %q", out)
	}
}

// checkFilters uses the filters of the largest table, and prints what they leave.
func checkFilters(t *testing.T, b browser, page reportPage) {
	p := b.open(t, page.path, view{width: 1280, height: 900})
	defer p.close()
	for text, want := range map[string]string{"": "", "no such name": "0 of 159 match; the others are hidden", "libc6": "1 of 159 match; the others are hidden"} {
		var got struct {
			Out  string
			Rows int
			Head bool
		}
		p.eval(fmt.Sprintf(`(() => {
			const box = document.querySelector(".filter"), table = document.querySelector("table.ev");
			box.querySelector("input").value = %q;
			box.querySelector("input").dispatchEvent(new Event("input"));
			return {Out: box.querySelector("output").textContent, Rows: [...table.rows].filter(r => r.checkVisibility() && r.cells.length > 1).length - 1, Head: table.tHead.checkVisibility()};
		})()`, text), &got)
		rows := 159
		if want != "" {
			_, _ = fmt.Sscan(want, &rows)
		}
		if got.Out != want || got.Rows != rows || !got.Head {
			t.Errorf("%q: %+v, want %q", text, got, want)
		}
	}
	p.eval(`(() => { const i = document.querySelector(".filter input"); i.value = "libc6"; i.dispatchEvent(new Event("input")); })()`, nil)
	file := filepath.Join(t.TempDir(), "page.pdf")
	if err := os.WriteFile(file, p.print(8.5, 11), 0o666); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(poppler(t, "-raw", file), "1 of 159 match; the others are hidden") {
		t.Error("on paper nothing is said of the rows that a filter hides")
	}
}

// checkPictures makes the pictures of the documentation.
func checkPictures(t *testing.T, b browser, page reportPage) {
	for name, v := range map[string]view{"report-1280.png": {width: 1280, height: 1500}, "report-400.png": {width: 400, height: 1200}} {
		p := b.open(t, page.path, v)
		data := p.picture()
		p.close()
		if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != v.width || c.Height != v.height || len(data) < 30_000 {
			t.Errorf("%s: %v, %d by %d, %d bytes", name, err, c.Width, c.Height, len(data))
		}
		if *updateDocs {
			if err := os.WriteFile(filepath.Join(moduleRoot, "docs", name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// axeSource returns the script of axe-core.
func axeSource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, axeCore).CombinedOutput(); err != nil {
		t.Fatalf("npm: %v\n%s", err, out)
	}
	return read1(t, filepath.Join(dir, "node_modules/axe-core/axe.min.js"))
}

// Options of axe-core: WCAG 2.2 AA and its authors' practice, all of it, all but
// colours, or colours alone, which differ in the dark. Those of texts in drawings it
// cannot decide: TestHTMLContrast has them.
const (
	allRules   = `runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	notColours = allRules + `, rules: {"color-contrast": {enabled: false}}`
	colours    = `runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// runAxe returns the violations, one text for each rule.
func runAxe(p tab, axe, rules string) (out []string) {
	var list []struct {
		ID, Help string
		Nodes    []struct {
			HTML, FailureSummary string
			Target               json.RawMessage
		}
	}
	p.eval(axe+";0", nil)
	// All of the page, also what the browser lays out only when it is near.
	p.eval(`document.querySelectorAll(".scroll").forEach(e => { e.style.contentVisibility = "visible"; })`, nil)
	p.eval(`axe.run({exclude: [".map text"]}, {`+rules+`, resultTypes: ["violations"]}).then(r => r.violations)`, &list)
	for _, v := range list {
		out = append(out, fmt.Sprintf("%s, %d times: %s\n%.300s\n%s %s", v.ID, len(v.Nodes), v.Help, v.Nodes[0].HTML, v.Nodes[0].Target, v.Nodes[0].FailureSummary))
	}
	return out
}
