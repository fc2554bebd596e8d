package query

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
)

var updateSVG = flag.Bool("update-svg", false, "write the golden files of the pictures of history")

// absent is the number of a stage that a release does not have.
const absent = -1

// numbers returns a history of releases of one pipeline. The number of a stage in a
// release is that of the function.
func numbers(releases int, stages []string, number func(stage, release int) int) *History {
	h := NewHistory(nil)
	for _, s := range stages {
		h.Lines = append(h.Lines, HistoryLine{"app", s})
	}
	for i := range releases {
		name := "v1." + strconv.Itoa(i)
		r := HistoryRelease{Name: name, Source: name + "/report.json", Date: time.Date(2024, 1, 1+10*i, 0, 0, 0, 0, time.UTC), Pipeline: "app", Verdict: audit.Pass}
		for j, s := range stages {
			if n := number(j, i); n != absent {
				r.Stages = append(r.Stages, HistoryStage{Name: s, Verdict: audit.Pass, Counts: audit.Counts{Total: n}, Method: audit.Method{Rules: 2, Catalogers: "x"}})
			}
		}
		h.Releases = append(h.Releases, r)
	}
	return h
}

func (h *History) at(release int, stage string) *HistoryStage {
	return h.Releases[release].stage(HistoryLine{"app", stage})
}

// pictures are histories with what a picture has to show.
func pictures() map[string]*History {
	limit := func(n int) *int { return &n }
	out := map[string]*History{}

	// The stages of CPython: one of 159 beside one of 678.
	h := numbers(7, []string{"build-source", "build-docs", "test-source"}, func(s, r int) int {
		return [][]int{{156, 156, 157, 159, 159, 160, 159}, {absent, absent, 671, 674, 674, 676, 678}, {300, 302, 302, 302, absent, absent, absent}}[s][r]
	})
	for i := range h.Releases {
		h.at(i, "build-source").Limit = limit(170)
	}
	h.at(5, "build-docs").Verdict = audit.Fail
	h.at(6, "build-docs").Verdict = audit.Fail
	out["stages"] = h

	// A gap in a line, an incomplete release, one that could not be read, other rules, a limit that changes.
	h = numbers(12, []string{"build", "docs"}, func(s, r int) int {
		if s == 1 && r == 3 {
			return absent
		}
		return 20 + 10*s + r*r%7
	})
	h.Releases[6].Error, h.Releases[6].Stages = "unexpected end", nil
	h.at(4, "build").Verdict = audit.Incomplete
	h.at(11, "docs").Verdict = audit.Incomplete
	other := h.at(8, "build").Method
	other.Rules = 1
	h.at(8, "build").Break = &HistoryBreak{"v1.7", other}
	h.at(8, "docs").Break = &HistoryBreak{"v1.7", other}
	for i := range h.Releases {
		if s := h.at(i, "build"); s != nil {
			s.Limit = limit(30 + i/4*2)
		}
		if s := h.at(i, "docs"); s != nil {
			s.Limit = limit(500)
		}
	}
	h.Older = 30
	out["breaks"] = h

	// Two pipelines take turns: each has its lines.
	h = numbers(9, []string{"build", "docs"}, func(s, r int) int { return 40 + 30*s + r })
	for i := 1; i < len(h.Releases); i += 2 {
		r := &h.Releases[i]
		r.Name, r.Pipeline = "lib-"+strconv.Itoa(i), "lib"
		r.Stages = r.Stages[:1]
		r.Stages[0].Counts.Total = 20 + i
		r.Stages[0].Limit = limit(25 + i/4)
	}
	h.Lines = append(h.Lines, HistoryLine{"lib", "build"})
	out["pipelines"] = h

	out["one-release"] = numbers(1, []string{"build", "docs", "publish"}, func(s, _ int) int { return 100 * s })
	out["forty"] = numbers(40, []string{"build", "docs", "test", "publish"}, func(s, r int) int { return 100 + 50*s + r*(s-1) })
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("stage-%02d", i))
	}
	h = numbers(9, many, func(s, r int) int { return 90 + (s*7+r*3)%5 })
	h.at(8, "stage-03").Critical = true
	out["thirty-stages"] = h
	out["thousand"] = numbers(1000, many[:8], func(s, r int) int { return 100*s + (r*r*31+s*17)%97 })
	hostile := []string{
		`</text><script>alert(1)</script>`, `"><image href="http://evil.example/"/>`, "a\u202eevil\u2066\x00\x1b[31m\ufffe", strings.Repeat("long-", 60),
		"ビルド環境と文書を作る段階", "]]><!-- &amp; &evil;", "{{.}}", "בנייה 12",
	}
	h = numbers(3, hostile, func(s, r int) int { return 10*s + r })
	for i := range h.Releases {
		h.Releases[i].Name = hostile[i+1]
	}
	out["hostile"] = h
	h = numbers(2, nil, nil)
	for i := range h.Releases {
		h.Releases[i].Error = errors.ErrUnsupported.Error()
	}
	out["nothing"] = h
	return out
}

// picture is the SVG of a history.
func picture(t *testing.T, h *History) string {
	t.Helper()
	var b, again bytes.Buffer
	if err := errors.Join(h.SVG(&b), h.SVG(&again)); err != nil {
		t.Fatal(err)
	}
	if b.String() != again.String() {
		t.Error("two calls write different bytes")
	}
	return b.String()
}

// svgElement is an element of SVG with what the tests look at.
type svgElement struct {
	XMLName xml.Name
	Class   string       `xml:"class,attr"`
	D       string       `xml:"d,attr"`
	Attrs   []xml.Attr   `xml:",any,attr"`
	Text    string       `xml:",chardata"`
	Inside  []svgElement `xml:",any"`
}

// all calls f for an element and all below.
func (e *svgElement) all(f func(*svgElement)) {
	f(e)
	for i := range e.Inside {
		e.Inside[i].all(f)
	}
}

// parsed reads a picture, and checks that it has nothing but shapes and text.
func parsed(t *testing.T, text string) *svgElement {
	t.Helper()
	var root svgElement
	if err := xml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	root.all(func(e *svgElement) {
		if name := e.XMLName.Local; !slices.Contains([]string{"svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan"}, name) {
			t.Errorf("element %s", name)
		}
		for _, a := range e.Attrs {
			switch a.Name.Local {
			case "href", "src", "style":
				t.Errorf("attribute %s", a.Name.Local)
			}
		}
	})
	if strings.Contains(text, "url(") || strings.Contains(text, "@import") {
		t.Error("the style refers to something")
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("character %q", r)
		}
	}
	return &root
}

// drawing returns the wide or the narrow drawing.
func (e *svgElement) drawing(class string) (out *svgElement) {
	e.all(func(e *svgElement) {
		if e.Class == class {
			out = e
		}
	})
	return out
}

// paths returns those of a class in a drawing.
func (e *svgElement) paths(class string) (out []string) {
	e.all(func(e *svgElement) {
		if e.Class == class {
			out = append(out, e.D)
		}
	})
	return out
}

// texts returns the texts of an element.
func (e *svgElement) texts() (out []string) {
	e.all(func(e *svgElement) {
		if e.XMLName.Local != "text" {
			return
		}
		text := ""
		e.all(func(e *svgElement) { text += e.Text })
		out = append(out, text)
	})
	return out
}

func TestSVG(t *testing.T) {
	for name, h := range pictures() {
		t.Run(name, func(t *testing.T) {
			text := picture(t, h)
			parsed(t, text)
			if name == "thousand" { // too large to keep
				return
			}
			golden := filepath.Join("testdata", "history-"+name+".svg")
			if *updateSVG {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text); diff != "" {
				t.Errorf("-want +got (-update-svg writes it):\n%s", diff)
			}
		})
	}
}

// TestSVGOfCPython checks that the picture of the documentation is that of the numbers
// that the end-to-end tests keep, which the command counted.
func TestSVGOfCPython(t *testing.T) {
	data, err := os.ReadFile("testdata/history-cpython.json")
	if err != nil {
		t.Fatal(err)
	}
	var h History
	if err := json.Unmarshal(data, &h); err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/history.svg"
	got := picture(t, &h)
	if *updateSVG {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got (-update-svg writes it):\n%s", diff)
	}
}

// TestSVGLines checks what the lines of a picture are from.
func TestSVGLines(t *testing.T) {
	h := pictures()["breaks"]
	root := parsed(t, picture(t, h))
	for _, class := range []string{"wide", "narrow"} {
		d := root.drawing(class)
		lines := d.paths("l")
		// One run up to the release that could not be read, one point after it, and one
		// run after the other method. The second line has a release without it too.
		for i, runs := range []int{3, 4} {
			if got := strings.Count(lines[i], "M"); got != runs {
				t.Errorf("%s: line %d has %d runs: %s", class, i, got, lines[i])
			}
			points := strings.Count(lines[i], "M") + strings.Count(lines[i], "L")
			if want := []int{11, 10}[i]; points != want {
				t.Errorf("%s: line %d has %d points, want %d", class, i, points, want)
			}
		}
		// One open marker for each incomplete number, and one beside each name of a line
		// that ends with one.
		if got := len(d.paths("o")); got != 3 {
			t.Errorf("%s: %d paths with open markers", class, got)
		}
		if got := d.paths("break"); len(got) != 1 || strings.Count(got[0], "M") != 1 {
			t.Errorf("%s: breaks %q", class, got)
		}
		if got := d.paths("x"); len(got) != 1 || strings.Count(got[0], "M") != 1 {
			t.Errorf("%s: unread %q", class, got)
		}
		// The limit of one line changes twice, and nothing is drawn where there is no
		// number; that of the other one is far above.
		if got := d.paths("lim"); len(got) != 1 || strings.Count(got[0], "M") != 2 || strings.Count(got[0], "V") != 2 {
			t.Errorf("%s: limits %q", class, got)
		}
	}
	all := strings.Join(root.drawing("wide").texts(), "\n")
	for _, want := range []string{
		"32/500?", "22/34", "× could not be read: v1.6.", "v1.8: counted by another method than in v1.7, the numbers do not compare.",
		"A limit above the picture: docs.", "30 older releases are not shown.", "Open markers and ?: incomplete, the number can be too low.",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no text %q in:\n%s", want, all)
		}
	}
	if strings.Contains(all, "(+") || strings.Contains(all, "brackets") {
		t.Error("numbers that do not compare have a difference")
	}
	cut := *h // the first release that is shown is the first one by the other method
	cut.Newest(4)
	if d := parsed(t, picture(t, &cut)).drawing("wide"); d.paths("break") != nil || !strings.Contains(strings.Join(d.texts(), "\n"), "v1.8: counted by another method than in v1.7") {
		t.Errorf("breaks %q, texts %q", d.paths("break"), d.texts())
	}
	desc := root.Inside[1].Text
	for _, want := range []string{"build: 20 of at most 30 in v1.0, ", "22 of at most 32 in v1.4 (incomplete)", "docs: 30 of at most 500 in v1.0, "} {
		if !strings.Contains(desc, want) {
			t.Errorf("no %q in the description:\n%s", want, desc)
		}
	}
}

// TestSVGScale checks that heights are as the numbers, from 0: nothing is made larger
// than it is.
func TestSVGScale(t *testing.T) {
	root := parsed(t, picture(t, numbers(2, []string{"source", "docs"}, func(s, _ int) int { return []int{159, 678}[s] })))
	for _, class := range []string{"wide", "narrow"} {
		d := root.drawing(class)
		y := func(path string) float64 {
			_, rest, _ := strings.Cut(path, " ")
			n, err := strconv.ParseFloat(rest[:strings.IndexAny(rest, "LHM")], 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		zero, lines := y(d.paths("axis")[0]), d.paths("l")
		if got := (zero - y(lines[0])) / (zero - y(lines[1])); math.Abs(got-159.0/678) > 0.002 {
			t.Errorf("%s: 159 is %.3f of 678", class, got)
		}
	}
}

// TestSVGSize checks that the size is bounded whatever the number of releases and stages
// is.
func TestSVGSize(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("stage-%02d", i))
	}
	const most = 400_000
	h := numbers(20_000, many[:8], func(s, r int) int { return 100*s + (r*r*31+s*17)%97 })
	for i := range h.Releases { // all that could be drawn for each release
		for j := range h.Releases[i].Stages {
			limit := 800 + i%2
			h.Releases[i].Stages[j].Limit = &limit
			if (i+j)%3 == 0 {
				h.Releases[i].Stages[j].Verdict = audit.Incomplete
			}
		}
		if i%5 == 0 {
			h.Releases[i].Error, h.Releases[i].Stages = "cut short", nil
		}
	}
	if n := len(picture(t, h)); n > most {
		t.Errorf("%d bytes for 20,000 releases", n)
	}
	h = numbers(2, many, func(s, r int) int { return s + r })
	h.at(1, "stage-03").Critical = true
	text := picture(t, h)
	labels := strings.Join(parsed(t, text).drawing("wide").texts(), "\n")
	if !strings.Contains(labels, "8 of 30 stages") || !strings.Contains(labels, "stage-03") || !strings.Contains(labels, "stage-29") || strings.Contains(labels, "stage-04") {
		t.Errorf("texts:\n%s", labels)
	}
}

// TestSVGRandom draws histories of all kinds: everything is within the picture.
func TestSVGRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	names := []string{"build", "", "ビルド", "a b c", strings.Repeat("w", 200), "<&>\"'", "\u0301\u0301", "v1.0-rc.1+build.77"}
	pick := func() string { return names[random.IntN(len(names))] + strconv.Itoa(random.IntN(1000)) }
	place := regexp.MustCompile(`[ML](-?[0-9.]+) (-?[0-9.]+)`)
	for range 100 {
		stages := make([]string, random.IntN(12))
		for i := range stages {
			stages[i] = pick() + strconv.Itoa(i)
		}
		size := []int{1, 10, 1000, 1_000_000}[random.IntN(4)]
		h := numbers(1+random.IntN(30), stages, func(_, _ int) int { return random.IntN(size+2) - 1 })
		for i := range h.Releases {
			r := &h.Releases[i]
			r.Name = pick()
			if random.IntN(8) == 0 {
				r.Error, r.Stages = "cut short", nil
			}
			for j := range r.Stages {
				s := &r.Stages[j]
				switch random.IntN(6) {
				case 0:
					s.Verdict = audit.Incomplete
				case 1:
					s.Break = &HistoryBreak{Since: pick()}
				case 2:
					n := random.IntN(2*size + 1)
					s.Limit = &n
				}
			}
		}
		h.Newest(random.IntN(len(h.Releases) + 1)) // which leaves out lines without a release
		h.Lines = slices.DeleteFunc(h.Lines, func(l HistoryLine) bool {
			return !slices.ContainsFunc(h.Releases, func(r HistoryRelease) bool { return r.stage(l) != nil })
		})
		root := parsed(t, picture(t, h))
		attr := func(e *svgElement, name string) float64 {
			for _, a := range e.Attrs {
				if a.Name.Local == name {
					n, err := strconv.ParseFloat(a.Value, 64)
					if err != nil {
						t.Fatal(err)
					}
					return n
				}
			}
			return 0
		}
		height := attr(root, "height")
		for class, scale := range map[string]float64{"wide": 1, "narrow": 2} {
			root.drawing(class).all(func(e *svgElement) {
				if x, y := attr(e, "x"), attr(e, "y"); x < 0 || x > 880/scale || y < 0 || y > height/scale {
					t.Fatalf("%s: a text at %v, %v of 880 by %v", class, x, y, height)
				}
				for _, m := range place.FindAllStringSubmatch(e.D, -1) {
					x, _ := strconv.ParseFloat(m[1], 64)
					y, _ := strconv.ParseFloat(m[2], 64)
					if x < 0 || x > 880/scale || y < 0 || y > height/scale {
						t.Fatalf("%s: %s is outside of 880 by %v", class, m[0], height)
					}
				}
			})
		}
	}
}

// TestSVGContrast computes the contrasts of the style by the formula of WCAG 2.2: at
// least 3 to 1 for what is drawn, and 4.5 to 1 for text.
func TestSVGContrast(t *testing.T) {
	luminance := func(color string) float64 {
		if len(color) == 4 { // #fff
			color = "#" + strings.Repeat(color[1:2], 2) + strings.Repeat(color[2:3], 2) + strings.Repeat(color[3:4], 2)
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	contrast := func(a, b string) float64 {
		x, y := luminance(a), luminance(b)
		return (max(x, y) + 0.05) / (min(x, y) + 0.05)
	}
	light, dark, _ := strings.Cut(chartStyle, "@media(prefers-color-scheme:dark)")
	for name, style := range map[string]string{"light": light, "dark": dark} {
		background := map[string]string{"light": "#ffffff", "dark": "#0d1117"}[name]
		color := func(rule string, least float64) {
			m := regexp.MustCompile(regexp.QuoteMeta(rule) + `[^}]*?(?:fill|stroke|color):(#[0-9a-f]+)`).FindStringSubmatch(style)
			if m == nil {
				t.Errorf("%s: no rule %s", name, rule)
			} else if got := contrast(m[1], background); got < least {
				t.Errorf("%s: %s has a contrast of %.2f", name, rule, got)
			}
		}
		for i := range maxChartLines {
			color(fmt.Sprintf(".c%d{", i), 3)
		}
		color("text{", 4.5)
		color(".soft{", 4.5)
		color(".axis,.break", 3)
	}
}

// TestSettle checks that texts do not overlap, stay in their order and within the area,
// and do not move without need.
func TestSettle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + random.IntN(maxChartLines)
		wanted := make([]unit, n)
		for i := range wanted {
			wanted[i] = unit(random.IntN(1500))
		}
		slices.Sort(wanted)
		got := slices.Clone(wanted)
		settle(got, 180, 0, 1500)
		free := wanted[0] >= 0
		for i := range got {
			if got[i] < 0 || got[i] > 1500 || i > 0 && got[i]-got[i-1] < 180 {
				t.Fatalf("%v became %v", wanted, got)
			}
			free = free && (i == 0 || wanted[i]-wanted[i-1] >= 180)
		}
		if free && !slices.Equal(got, wanted) {
			t.Fatalf("%v moved to %v", wanted, got)
		}
	}
}

func TestTicks(t *testing.T) {
	for top := range 20_000 {
		list := ticks(top)
		step := list[1]
		if list[0] != 0 || list[len(list)-1] < top || len(list) > 6 || top > 0 && list[len(list)-2] >= top || !strings.Contains("125", strings.TrimRight(strconv.Itoa(step), "0")) {
			t.Fatalf("%d: %v", top, list)
		}
	}
}
