package explore

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

var update = flag.Bool("update", false, "write the golden screens")

// docs is a small stage: texlive and pip are explicit, old is an orphan.
func docs() Stage {
	names := []struct {
		name   string
		reason sbom.InstallReason
		size   int64
	}{
		{"texlive", sbom.ReasonExplicit, 56_000}, {"biber", sbom.ReasonDependency, 1_700_000}, {"libxml-perl", sbom.ReasonDependency, 400_000},
		{"perl", sbom.ReasonDependency, 30_000_000}, {"pip", sbom.ReasonExplicit, 6_800_000}, {"python3", sbom.ReasonDependency, 83_000},
		{"libc6", sbom.ReasonEssential, 13_000_000}, {"old", sbom.ReasonDependency, 1_000}, {"fonts-日本語-gothic", sbom.ReasonDependency, 250_000_000},
	}
	var components []sbom.Component
	for _, n := range names {
		components = append(components, sbom.Component{ID: "deb/" + n.name, Kind: sbom.KindOS, Type: "deb", Name: n.name, Version: "1.0-1", InstallReason: n.reason, InstalledSize: n.size})
	}
	components = append(components, sbom.Component{ID: "pypi/wheel", Kind: sbom.KindPackage, Type: "pypi", Name: "wheel", Version: "0.38", Owner: "deb/python3"})
	var edges []graph.Edge
	for _, e := range []string{
		"texlive biber", "texlive fonts-日本語-gothic", "texlive perl", "biber libxml-perl", "biber perl", "libxml-perl perl",
		"pip python3", "python3 libc6", "perl libc6", "python3 perl",
	} {
		from, to, _ := strings.Cut(e, " ")
		edges = append(edges, graph.Edge{From: "deb/" + from, To: "deb/" + to, Kind: "depends"})
	}
	edges[1].Kind, edges[4].Via = "recommends", "perl:any | perl5"
	return Stage{
		Name: "docs", Graph: graph.FromLists(components, edges, graph.Options{}),
		Provenance: func(id string) string {
			if strings.HasPrefix(id, "pypi/") {
				return "bundled"
			}
			return "os"
		},
	}
}

// play presses keys: names of keys, or "type:" and a text.
func play(m *model, keys string) {
	for key := range strings.FieldsSeq(keys) {
		text, typed := strings.CutPrefix(key, "type:")
		if !typed {
			m.press(key, "")
			continue
		}
		for _, r := range text {
			m.press(string(r), string(r))
		}
	}
}

func TestScreens(t *testing.T) {
	for _, test := range []struct {
		name, keys    string
		width, height int
	}{
		{"list", "", 80, 24},
		{"list-wide", "", 120, 12},
		{"list-narrow", "", 40, 10},
		{"sorted-by-name", "s s", 80, 24},
		{"sorted-by-size-backwards", "s r", 80, 24},
		{"filter-typing", "/ type:PER", 80, 24},
		{"filter-kept", "/ type:per enter down", 80, 24},
		{"filter-nothing", "/ type:zzz", 80, 24},
		{"tree", "tab", 80, 24},
		{"tree-open", "/ type:libxml enter tab", 80, 24},
		{"tree-bundled", "/ type:python enter tab right", 80, 24},
		{"why", "/ type:libxml enter w", 80, 24},
		{"why-every-way", "/ type:perl enter s s enter a", 80, 24},
		{"why-narrow", "/ type:libxml enter w", 40, 24},
		{"whatif-marked", "/ type:biber enter space esc x", 80, 24},
		{"whatif-selected", "/ type:texlive enter x", 80, 24},
		{"whatif-scrolled", "/ type:libc6 enter x down down", 80, 12},
		{"help", "?", 80, 30},
		{"too-small", "", 20, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newModel(docs(), false)
			m.resize(test.width, test.height)
			play(m, test.keys)
			got, _ := m.screen()
			check(t, m, got)
			golden(t, test.name, plain(got)+"\n")
		})
	}
}

// plain is a screen without attributes, and without blanks at the end.
func plain(screen string) string {
	var lines []string
	for line := range strings.Lines(attributes.ReplaceAllString(screen, "")) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n")
}

var attributes = regexp.MustCompile("\x1b\\[(?:0|1|2|7|1;31|1;33)m")

// check holds what is true of every screen.
func check(t *testing.T, m *model, screen string) {
	t.Helper()
	text := attributes.ReplaceAllString(screen, "")
	lines := strings.Split(text, "\n")
	if len(lines) > max(1, m.height) {
		t.Fatalf("%d lines on a screen of %d:\n%s", len(lines), m.height, text)
	}
	for _, l := range lines {
		if n := terminal.Width(l); n > m.width {
			t.Fatalf("a line of %d cells on a screen of %d:\n%q", n, m.width, l)
		}
		for _, r := range l {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x200b || r == 0xfffd {
				t.Fatalf("%U in the line %q", r, l)
			}
		}
	}
	if strings.Count(screen, "\x1b[")%2 != 0 {
		t.Fatalf("an attribute is not ended: %q", screen)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// TestAttributes holds that marked lines are yellow only where colours are
// wanted, and that what is selected or marked can be seen without any.
func TestAttributes(t *testing.T) {
	for _, color := range []bool{true, false} {
		m := newModel(docs(), color)
		play(m, "space")
		screen, _ := m.screen()
		if got := strings.Contains(screen, "\x1b[1;33m"); got != color {
			t.Errorf("color %v: yellow %v", color, got)
		}
		if text := plain(screen); !strings.Contains(text, "\n *") || !strings.Contains(text, "\n> ") || !strings.Contains(text, "1 marked") {
			t.Errorf("without colours one cannot see it:\n%s", text)
		}
	}
}

func TestKeys(t *testing.T) {
	m := newModel(docs(), false)
	for _, test := range []struct {
		keys, selected string
	}{
		{"end", "deb/old"},
		{"down pgdown j", "deb/old"},
		{"home", "deb/texlive"},
		{"up k pgup", "deb/texlive"},
		{"down down tab", "deb/biber"}, // the tree opens at its place
		{"left left", "deb/texlive"},   // goes up, then closes
		{"right right", "deb/biber"},   // opens, and goes into it
		{"tab", "deb/biber"},
		{"s s", "deb/biber"},            // follows what is selected
		{"S S home r r", "deb/texlive"}, // but at the top stays there
		{"/ type:pip", "deb/pip"},
		{"backspace backspace backspace backspace", "deb/texlive"},
		{"/ type:pip enter esc", "deb/pip"}, // dropped, and still there
		{"/ type:xqx", ""},
		{"enter w x space tab left tab esc", "deb/texlive"}, // nothing is selected, and nothing happens
	} {
		play(m, test.keys)
		if got := m.selected(); got != test.selected {
			t.Fatalf("after %q %q is selected, want %q", test.keys, got, test.selected)
		}
	}
	play(m, "home space end space home space")
	if !m.marks["deb/old"] || len(m.marks) != 1 {
		t.Errorf("marked are %v, want the last one: the first one twice", m.marks)
	}
	for keys, want := range map[string]action{"q": quit, "ctrl+c": quit, "ctrl+z": suspend, "esc": nothing} {
		if got := m.press(keys, ""); got != want {
			t.Errorf("%s does %d, want %d", keys, got, want)
		}
	}
	play(m, "/")
	if got := m.press("q", "q"); got != nothing || m.filter != "q" {
		t.Errorf("q in a filter does %d, and the filter is %q", got, m.filter)
	}
	if got := m.press("ctrl+c", ""); got != quit {
		t.Error("ctrl+c must always end it")
	}
}

func TestPaste(t *testing.T) {
	m := newModel(docs(), false)
	m.paste("texlive")
	if m.filter != "" {
		t.Error("what was pasted into the list was taken for a filter")
	}
	play(m, "/")
	m.paste("lib\nxml\t\x1b[31m")
	if m.filter != "lib xml \x1b[31m" {
		t.Errorf("the filter is %q", m.filter)
	}
	screen, _ := m.screen()
	check(t, m, screen)
	m.paste(strings.Repeat("x", 2*maxFilter))
	if len(m.filter) > maxFilter {
		t.Errorf("a filter of %d bytes", len(m.filter))
	}
}

// hostileStage has names that mean something to terminals.
func hostileStage() Stage {
	names := []string{
		"\x1b[2J\x1b[31mred", "\x1b]0;title\a", "\u202egnp.exe", "a\nb", "\r\n\r\n", "\x00", "\xff\xfe", strings.Repeat("wide日本", 300), "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
		"👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "\u200b\u200b", "", " ", "::error::x", "ﷺﷺﷺ", "한국어", "กำกำ", "\x9b31m", "-", "*",
	}
	var components []sbom.Component
	var edges []graph.Edge
	for i, name := range names {
		components = append(components, sbom.Component{
			ID: fmt.Sprintf("%s/%d", name, i), Type: name, Namespace: name, Name: name, Version: name, Kind: sbom.KindPackage, Detail: name,
			InstallReason: []sbom.InstallReason{sbom.ReasonExplicit, sbom.ReasonDependency, sbom.InstallReason(name)}[i%3], InstalledSize: int64(i) << (3 * i),
		})
		edges = append(edges, graph.Edge{From: components[i/2].ID, To: components[i].ID, Kind: name, Via: name})
		if i%7 == 6 {
			components[i].Owner = components[i/2].ID
		}
	}
	return Stage{
		Name: names[0] + names[7], Graph: graph.FromLists(components, edges, graph.Options{}), Notes: names,
		Provenance: func(id string) string { return id },
	}
}

// FuzzKeys holds that no keys on no size of screen break a line or let a name
// out, and that the cursor stays on what is there.
func FuzzKeys(f *testing.F) {
	random := rand.New(rand.NewSource(1))
	// A page that is left for its end on a screen too small for it.
	f.Add(uint8(5), uint8(9), []byte{14, 5, 1})
	for range 12 {
		seed := make([]byte, 200)
		random.Read(seed)
		f.Add(uint8(random.Intn(256)), uint8(random.Intn(256)), seed)
	}
	keys := strings.Fields("up down pgup pgdown home end left right tab enter esc space backspace / ? s S r u x w a o * q j k g G b f h l ctrl+u type:e type:日 type:\u202e")
	hostile := hostileStage()
	f.Fuzz(func(t *testing.T, width, height uint8, pressed []byte) {
		m := newModel(hostile, true)
		m.resize(int(width), int(height))
		for _, b := range pressed {
			if int(b) < len(keys) {
				play(m, keys[b])
			} else {
				m.resize(int(b), int(height)/(1+int(b)%8))
			}
			screen, column := m.screen()
			check(t, m, screen)
			if m.cursor < 0 || m.cursor > 0 && m.cursor >= m.length() {
				t.Fatalf("the cursor is on line %d of %d", m.cursor, m.length())
			}
			if column >= m.width && m.width > 0 {
				t.Fatalf("the cursor is in column %d of %d", column, m.width)
			}
		}
	})
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		in   string
		n    int
		want []string
	}{
		{"", 30, []string{""}},
		{"  a bb ccc", 30, []string{"  a bb ccc"}},
		{"  " + strings.Repeat("a", 60), 30, []string{"  " + strings.Repeat("a", 28), "      " + strings.Repeat("a", 24), "      " + strings.Repeat("a", 8)}},
		{"aaaaaaaaaaaaaa bbbbbbbbbbbbbbb cccc", 30, []string{"aaaaaaaaaaaaaa bbbbbbbbbbbbbbb", "    cccc"}},
		{"  aaaaaaaaaaaaaa   bbbbbbbbbbbbbb", 30, []string{"  aaaaaaaaaaaaaa", "      bbbbbbbbbbbbbb"}},
		{strings.Repeat("日", 20), 31, []string{strings.Repeat("日", 15), "    " + strings.Repeat("日", 5)}},
		{strings.Repeat(" ", 40) + "x", 30, []string{strings.Repeat(" ", 15) + "x"}},
		{"a b", 0, []string{"a b"}}, // a screen on which nothing is shown
		{strings.Repeat("a ", 20), 0, []string{strings.Repeat("a ", 14) + "a", "    a a a a a"}},
	} {
		if diff := cmp.Diff(test.want, wrap(test.in, test.n)); diff != "" {
			t.Errorf("wrap(%q, %d): %s", test.in, test.n, diff)
		}
	}
}

// BenchmarkKeys is what one feels: a letter in the filter, a line of the
// tree, of 100,000 components.
func BenchmarkKeys(b *testing.B) {
	const n = 100_000
	components := make([]sbom.Component, n)
	edges := make([]graph.Edge, 0, 10*n)
	random := rand.New(rand.NewSource(1))
	for i := range components {
		id := fmt.Sprintf("deb/package-%06d", i)
		components[i] = sbom.Component{ID: id, Kind: sbom.KindOS, Type: "deb", Name: id[4:], Version: "1.0", InstallReason: sbom.ReasonDependency}
		if i < 100 {
			components[i].InstallReason = sbom.ReasonExplicit
			continue
		}
		for range 10 {
			edges = append(edges, graph.Edge{From: components[random.Intn(i)].ID, To: id, Kind: "depends"})
		}
	}
	stage := Stage{Name: "many", Graph: graph.FromLists(components, edges, graph.Options{})}
	stage.Graph.Top(1)
	b.Run("open", func(b *testing.B) {
		for range b.N {
			newModel(stage, false).screen()
		}
	})
	m := newModel(stage, false)
	b.Run("filter", func(b *testing.B) {
		for range b.N {
			play(m, "/ type:9")
			m.screen()
			play(m, "esc")
		}
	})
	play(m, "tab")
	for _, key := range []string{"down", "o", "enter esc", "x esc"} {
		b.Run(key, func(b *testing.B) {
			for range b.N {
				play(m, key)
				m.screen()
			}
		})
	}
}
