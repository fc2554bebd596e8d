package query

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

var updateAnswers = flag.Bool("update-answers", false, "write the golden files of why, top, whatif and split")

// world makes a document for a test.
type world struct{ d sbom.Document }

func (w *world) add(asked sbom.InstallReason, size int64, name string) string {
	c := sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: name, Version: "1.0-1", Arch: "amd64", PURL: "pkg:deb/debian/x",
		InstallReason: asked, InstalledSize: size, Paths: []string{"/var/lib/dpkg/status"}}
	c.ID = sbom.Identity(&c)
	w.d.Components = append(w.d.Components, c)
	return c.ID
}

func (w *world) needs(from, to string, kind sbom.RelationKind, via string) {
	w.d.Relations = append(w.d.Relations, sbom.Relation{From: from, To: to, Kind: kind, Via: via})
}

func (w *world) subject(t testing.TB, name string, opts graph.Options) *Subject {
	t.Helper()
	w.d.Environment = sbom.Environment{Ref: "dir:x", Kind: "dir"}
	doc, err := sbom.New(w.d)
	if err != nil {
		t.Fatal(err)
	}
	return &Subject{Name: name, Document: doc, Graph: graph.New(doc, opts), Provenance: func(string) string { return "os" }}
}

// textStage has something of everything that the answers have to say.
func textStage(t testing.TB) *Subject {
	var w world
	base := w.add(sbom.ReasonEssential, 6_500_000, "dash")
	libc := w.add(sbom.ReasonDependency, 13_000_000, "libc6")
	mid := []string{}
	suite := w.add(sbom.ReasonExplicit, 56_000, "suite-full")
	fonts := w.add(sbom.ReasonExplicit, 1_400_000_000, "suite-fonts")
	common := w.add(sbom.ReasonDependency, 44_000_000, "suite-common")
	data := w.add(sbom.ReasonDependency, 999_949, "suite-data")
	mail1 := w.add(sbom.ReasonDependency, 999_950, "exim4")
	mail2 := w.add(sbom.ReasonDependency, 1, "postfix")
	w.add(sbom.ReasonDependency, 2048, "left-over")
	w.needs(base, libc, sbom.RelPreDepends, "")
	w.needs(suite, common, sbom.RelDepends, "")
	w.needs(fonts, common, sbom.RelRecommends, "")
	w.needs(common, data, sbom.RelDepends, "data (>= 1) | suite-data")
	w.needs(data, libc, sbom.RelDepends, "")
	w.needs(common, mail1, sbom.RelDepends, "exim4 | mail-transport-agent")
	w.needs(common, mail2, sbom.RelDepends, "exim4 | mail-transport-agent")
	for i := range 60 {
		id := w.add(sbom.ReasonDependency, int64(1000*(i+1)), fmt.Sprintf("suite-part-%02d", i))
		w.needs(suite, id, sbom.RelDepends, "")
		mid = append(mid, id)
	}
	for i := 20; i < 40; i++ {
		w.needs(mid[0], mid[i], sbom.RelRecommends, "")
		w.needs(mid[i], common, sbom.RelDepends, "")
	}
	w.d.Components = append(w.d.Components,
		sbom.Component{ID: "pypi/six@1.16.0", Kind: sbom.KindPackage, Type: "pypi", Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0", Paths: []string{"/usr/lib/six"}},
		sbom.Component{ID: "pypi/attrs@23", Kind: sbom.KindPackage, Type: "pypi", Name: "attrs", Version: "23", PURL: "pkg:pypi/attrs@23", Paths: []string{"/usr/lib/attrs"}},
		sbom.Component{ID: "pypi/wheel@0.38", Kind: sbom.KindPackage, Type: "pypi", Name: "wheel", Version: "0.38", PURL: "pkg:pypi/wheel@0.38", Paths: []string{"/usr/lib/wheel"}, Owner: common},
	)
	return w.subject(t, "build-docs", graph.Options{})
}

// hostileStage has names that act on terminals, lines and CI systems, names
// without end, and widths that are not their lengths; and a long chain.
func hostileStage(t testing.TB) *Subject {
	var w world
	names := []string{
		"\x1b[31mred\x1b[0m", "a\n::error::b", "::set-output name=x::y", "bidi\u202egnp.exe", strings.Repeat("long", 2000), "日本語の名前のパッケージ", "##[error]z", "zalgo" + strings.Repeat("\u0301", 100), "tab\tand\u00a0blank", "\xff\xfe",
	}
	ids := make([]string, len(names))
	for i, n := range names {
		asked := sbom.ReasonDependency
		if i%3 == 0 {
			asked = sbom.ReasonExplicit
		}
		ids[i] = w.add(asked, int64(i)*777_777, n)
		if i > 0 {
			w.needs(ids[i-1], ids[i], sbom.RelationKind("kind\x1b[1m"+names[i%3]), "via ::error::\u202e"+names[(i+1)%len(names)])
		}
	}
	last := ids[len(ids)-1]
	for i := range 50 {
		id := w.add(sbom.ReasonDependency, 5, fmt.Sprintf("link%02d", i))
		w.needs(last, id, sbom.RelDepends, "")
		last = id
	}
	w.d.Gaps = []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/x", Detail: "no"}}
	return w.subject(t, "::stage::\x1b[0m", graph.Options{})
}

type answer interface {
	Text(io.Writer, terminal.Options, int) error
}

// answers are every kind of question asked of a stage.
func answers(t testing.TB, s *Subject) map[string]answer {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]answer{"top": NewTop(s, 5), "top-all": NewTop(s, 0)}
	ids := make([]string, 0, len(s.Document.Components))
	for _, c := range s.Document.Components {
		ids = append(ids, c.ID)
	}
	for i, id := range ids {
		name := fmt.Sprintf("why-%02d", i)
		paths, err := s.Graph.Why(id, graph.WhyOptions{Max: 3})
		check(err)
		out[name] = NewWhy(s, id, "", false, paths)
		paths, err = s.Graph.Why(id, graph.WhyOptions{All: true, Max: -1})
		check(err)
		out[name+"-all"] = NewWhy(s, id, "/usr/bin/x\x1b", true, paths)
		if s.Graph.Component(id).Owner != "" {
			continue
		}
		without, err := NewWhatIf(s, []string{id}, nil)
		check(err)
		only, err := NewWhatIf(s, nil, []string{id})
		check(err)
		out[fmt.Sprintf("without-%02d", i)], out[fmt.Sprintf("only-%02d", i)] = without, only
		split, err := s.Graph.Split([]graph.Part{{Name: "first \x1b", IDs: []string{id}}, {Name: "::second", IDs: ids[:1]}}, graph.SplitOptions{})
		check(err)
		out[fmt.Sprintf("split-%02d", i)] = NewSplit(s, []Use{{Part: "first \x1b", Word: "x\x1b", Path: "/bin/x\n", ID: id}}, split)
	}
	return out
}

// TestGolden holds the texts to files that were looked at.
func TestGolden(t *testing.T) {
	s := textStage(t)
	id := func(word string) string {
		ids, err := s.Graph.Find(word)
		if err != nil || len(ids) != 1 {
			t.Fatalf("%s: %v, %v", word, ids, err)
		}
		return ids[0]
	}
	why := func(word string, all bool, limit int) *Why {
		p, err := s.Graph.Why(id(word), graph.WhyOptions{All: all, Max: limit})
		if err != nil {
			t.Fatal(err)
		}
		return NewWhy(s, word, "", all, p)
	}
	without := func(words ...string) *WhatIf {
		var ids []string
		for _, w := range words {
			ids = append(ids, id(w))
		}
		a, err := NewWhatIf(s, ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	only, err := NewWhatIf(s, nil, []string{id("suite-fonts")})
	if err != nil {
		t.Fatal(err)
	}
	split, err := s.Graph.Split([]graph.Part{{Name: "fonts", IDs: []string{id("suite-fonts")}}, {Name: "part", IDs: []string{id("suite-part-25")}}, {Name: "both", IDs: []string{id("suite-part-25"), id("suite-full")}}}, graph.SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]answer{
		"why-libc6":            why("libc6", false, 5),
		"why-libc6-all":        why("libc6", true, 2),
		"why-suite-data":       why("suite-data", false, 5),
		"why-suite-common-all": why("suite-common", true, 5),
		"why-wheel":            why("wheel", false, 5),
		"why-six":              why("six", false, 5),
		"why-left-over":        why("left-over", false, 5),
		"top":                  NewTop(s, 4),
		"without-suite-full":   without("suite-full"),
		"without-libc6":        without("libc6"),
		"without-two":          without("suite-full", "suite-fonts"),
		"only-fonts":           only,
		"split":                NewSplit(s, []Use{{Part: "fonts", Word: "fonts-cmd", Path: "/usr/bin/fonts-cmd", ID: id("suite-fonts")}}, split),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := a.Text(&b, terminal.Options{}, 12); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".golden")
			if *updateAnswers {
				if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestTextsFit: whatever the names, a text fits its width, has nothing that
// acts on a terminal or a CI system, and is the same each time.
func TestTextsFit(t *testing.T) {
	for _, make := range []func(testing.TB) *Subject{textStage, hostileStage} {
		s := make(t)
		for name, a := range answers(t, s) {
			for _, width := range []int{40, 80, 120} {
				var b, again bytes.Buffer
				if err := a.Text(&b, terminal.Options{Width: width}, 7); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if err := a.Text(&again, terminal.Options{Width: width}, 7); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
					t.Fatalf("%s: another text the second time (%v)", name, err)
				}
				for line := range strings.Lines(b.String()) {
					line = strings.TrimSuffix(line, "\n")
					checkLine(t, name, line, width)
				}
			}
		}
	}
}

func checkLine(t *testing.T, name, line string, width int) {
	t.Helper()
	// Wide characters take two cells; here a rune is at least one.
	wide := 0
	for _, r := range line {
		if unicode.Is(unicode.Han, r) || unicode.Is(unicode.Hiragana, r) || unicode.Is(unicode.Katakana, r) {
			wide++
		}
		if !unicode.IsPrint(r) && !unicode.Is(unicode.M, r) || r == '\u202e' {
			t.Fatalf("%s: %q in %q", name, r, line)
		}
	}
	marks := strings.Count(line, "\u0301")
	if n := len([]rune(line)) + wide - marks; n > width && len(strings.Fields(line)) > 2 {
		t.Fatalf("%s: %d cells of %d: %q", name, n, width, line)
	}
	if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") {
		t.Fatalf("%s: a command to a CI system: %q", name, line)
	}
}

// TestJSON: an answer in JSON is complete, names its question, has every
// component that it refers to, and is the same each time.
func TestJSON(t *testing.T) {
	for _, make := range []func(testing.TB) *Subject{textStage, hostileStage} {
		s := make(t)
		for name, a := range answers(t, s) {
			var b, again bytes.Buffer
			if err := WriteJSON(&b, a); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := WriteJSON(&again, a); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
				t.Fatalf("%s: another text the second time (%v)", name, err)
			}
			for line := range strings.Lines(b.String()) {
				for _, r := range strings.TrimSuffix(line, "\n") {
					if !unicode.IsPrint(r) && !unicode.Is(unicode.M, r) {
						t.Fatalf("%s: %q in %q", name, r, line)
					}
				}
			}
			var got struct {
				Schema     int
				Question   string
				Subject    string
				Target     string
				Without    []string
				Chains     []graph.Chain
				Removed    []graph.RemovedComponent
				Breaks     []graph.Break
				Overlaps   []graph.Overlap
				Roots      json.RawMessage
				Components []Component
			}
			if err := json.Unmarshal(b.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got.Schema != schema || got.Question == "" || got.Subject != s.Name {
				t.Errorf("%s: schema %d, question %q, subject %q", name, got.Schema, got.Question, got.Subject)
			}
			known := map[string]bool{"": true}
			for _, c := range got.Components {
				known[c.ID] = true
			}
			ids := append([]string{got.Target}, got.Without...)
			for _, c := range got.Chains {
				ids = append(ids, c.Root)
				for _, e := range c.Steps {
					ids = append(ids, e.From, e.To)
				}
			}
			for _, x := range got.Removed {
				ids = append(ids, x.ID, x.Bundled)
			}
			for _, x := range got.Breaks {
				ids = append(ids, x.From, x.To)
			}
			for _, o := range got.Overlaps {
				ids = append(ids, o.IDs...)
			}
			for _, id := range ids {
				if !known[id] && json.Valid([]byte(`"`+id+`"`)) {
					t.Errorf("%s: %q is mentioned and not among the components", name, id)
				}
			}
		}
	}
}

// TestUnneeded: what came along is in one bundle each, and the sizes add up.
func TestUnneeded(t *testing.T) {
	s := textStage(t)
	for name, a := range answers(t, s) {
		w, ok := a.(*WhatIf)
		if !ok {
			continue
		}
		want := map[string]bool{}
		var size, got int64
		for _, x := range w.Removed {
			if unneededAutomatic(x) {
				want[x.ID] = true
				size += s.Graph.Component(x.ID).InstalledSize
			}
		}
		for _, b := range w.Unneeded {
			got += b.Size
			for _, id := range append([]string{b.ID}, b.Introduces...) {
				if !want[id] {
					t.Errorf("%s: %s is in two bundles, or does not leave", name, id)
				}
				delete(want, id)
			}
		}
		if len(want) > 0 || got != size {
			t.Errorf("%s: %d are in no bundle; %d bytes of %d", name, len(want), got, size)
		}
	}
}
