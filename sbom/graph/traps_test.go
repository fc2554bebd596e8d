package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// parse makes a graph of a few lines. "a* b! c" are components: explicit,
// essential, automatic; "a?" has no record; "a<b" is bundled in b; "a/pypi"
// has another type. "a -> b kind via" is an edge; those from one component
// with the same "b | c" as text are satisfiers of one requirement.
func parse(t testing.TB, text string, opts graph.Options) *graph.Graph {
	t.Helper()
	var components []sbom.Component
	var edges []graph.Edge
	groups := map[string]int{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 2 && words[1] == "->" {
			e := graph.Edge{From: words[0], To: words[2], Kind: "depends"}
			if len(words) > 3 {
				e.Kind = words[3]
			}
			if len(words) > 4 {
				e.Via = strings.Join(words[4:], " ")
				if key := e.From + e.Kind + e.Via; strings.Contains(e.Via, "|") {
					if groups[key] == 0 {
						groups[key] = len(groups) + 1
					}
					e.Group = groups[key]
				}
			}
			edges = append(edges, e)
			continue
		}
		for _, word := range words {
			c := sbom.Component{Kind: sbom.KindOS, Type: "deb", InstallReason: sbom.ReasonDependency, InstalledSize: 10}
			word, c.Owner, _ = strings.Cut(word, "<")
			if name, typ, ok := strings.Cut(word, "/"); ok {
				word, c.Type, c.Kind = name, typ, sbom.KindPackage
			}
			switch word[len(word)-1] {
			case '*':
				c.InstallReason = sbom.ReasonExplicit
			case '!':
				c.InstallReason = sbom.ReasonEssential
			case '?':
				c.InstallReason = sbom.ReasonUnknown
			}
			c.ID = strings.TrimRight(word, "*!?")
			c.Name, c.Version, _ = strings.Cut(c.ID, "@")
			components = append(components, c)
		}
	}
	return graph.FromLists(components, edges, opts)
}

func leaves(t testing.TB, g *graph.Graph, ids ...string) string {
	t.Helper()
	c, err := g.Without(ids, graph.WhatIf{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range c.Removed {
		out = append(out, l.ID+":"+string(l.Because))
	}
	for _, b := range c.Breaks {
		out = append(out, fmt.Sprintf("%s misses %s", b.From, b.To))
	}
	return strings.Join(out, ", ")
}

func TestWhatLeaves(t *testing.T) {
	for _, test := range []struct{ name, graph, without, want string }{
		{"a chain", "a* b c\na -> b\nb -> c", "a", "a:requested, b:unneeded, c:unneeded"},
		{"shared", "a* b* c\na -> c\nb -> c", "a", "a:requested"},
		{"both", "a* b* c\na -> c\nb -> c", "a b", "a:requested, b:requested, c:unneeded"},
		{"needed", "a* b c\na -> b\nb -> c", "c", "a:broken, b:broken, c:requested, a misses b, b misses c"},
		{"recommended is not needed", "a* b c\na -> b recommends\nb -> c", "b", "b:requested, c:unneeded"},
		{"recommended keeps", "a* b* c\na -> c\nb -> c recommends", "a", "a:requested"},
		{"suggested keeps", "a* b* c\na -> c\nb -> c suggests", "a", "a:requested"},
		{"a ring of automatic ones", "a* b c\na -> b\nb -> c\nc -> b", "a", "a:requested, b:unneeded, c:unneeded"},
		{"a ring breaks", "a* b c\na -> b\nb -> c\nc -> b", "c", "a:broken, b:broken, c:requested, a misses b, b misses c"},
		{"a need that closes a ring did not break first", "a* b c x\na -> b\nb -> c\nc -> b\nb -> x", "x", "a:broken, b:broken, c:broken, x:requested, a misses b, b misses x, c misses b"},
		{"itself", "a* b\na -> b\nb -> b", "a", "a:requested, b:unneeded"},
		{"essential stays", "a* b!\na -> b", "a", "a:requested"},
		{"essential breaks", "a! b\na -> b", "b", "a:broken, b:requested, a misses b"},
		{"an orphan leaves in any case", "a* b* x y\nx -> y", "a", "a:requested, x:orphan, y:orphan"},
		{"an alternative is left", "a* b c\na -> b depends b | c\na -> c depends b | c", "b", "b:requested"},
		{"no alternative is left", "a* b c\na -> b depends b | c\na -> c depends b | c", "b c", "a:broken, b:requested, c:requested, a misses b"},
		{"both alternatives are kept", "a* z b c\na -> b depends b | c\na -> c depends b | c", "z", "z:requested"},
		{"it satisfies itself", "a* b\na -> a depends a | b\na -> b depends a | b", "b", "b:requested"},
		{"one edge for two requirements", "a* b c\na -> b\na -> b depends b | c\na -> c depends b | c", "c", "c:requested"},
		{"the plain one of two requirements", "a* b c\na -> b\na -> b depends b | c\na -> c depends b | c", "b", "a:broken, b:requested, c:unneeded, a misses b"},
		{"three in two requirements", "a* b c d\na -> b depends b | c\na -> c depends b | c\na -> c depends c | d\na -> d depends c | d", "b", "b:requested"},
		{"three in two requirements, the common one", "a* b c d\na -> b depends b | c\na -> c depends b | c\na -> c depends c | d\na -> d depends c | d", "c", "c:requested"},
		{"three in two requirements, one is not met", "a* b c d\na -> b depends b | c\na -> c depends b | c\na -> c depends c | d\na -> d depends c | d", "c d", "a:broken, b:unneeded, c:requested, d:requested, a misses c"},
		{"two requirements with the same satisfiers, one of each kind", "a* b c\na -> b depends b | c\na -> c pre-depends b | c", "b", "a:broken, b:requested, c:unneeded, a misses b"},
		{"a bundled one goes with its owner", "a* in<a", "a", "a:requested, in:requested"},
		{"a bundled one is needed", "a* py in<py\na -> in needs-module", "py", "a:broken, in:requested, py:requested, a misses in"},
		{"a bundled one retains its owner", "a* b* py in<py\na -> in needs-module\nb -> py", "b", "b:requested"},
		{"a bundled one cannot be removed alone", "a* in<a b\nin -> b\na -> b recommends", "b", "b:requested, in misses b"},
		{"two versions", "a* lib@1 lib@2\na -> lib@2", "lib@1", "lib@1:requested"},
		{"edges to nothing", "a* b\na -> nothing\nnothing -> b\na -> b", "a", "a:requested, b:unneeded"},
		{"an unknown kind is a need", "a* b\na -> b needs-magic", "b", "a:broken, b:requested, a misses b"},
		{"roots are presumed", "a? b?\na -> b", "a", "a:requested, b:unneeded"},
		{"across types", "a* py\nx?/pypi y?/pypi\nx -> y\nx -> py needs-interpreter", "x", "py:unneeded, x:requested, y:unneeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := leaves(t, parse(t, test.graph, graph.Options{}), strings.Fields(test.without)...)
			if got != test.want {
				t.Errorf("without %s\n got %s\nwant %s", test.without, got, test.want)
			}
		})
	}
}

func TestRoots(t *testing.T) {
	for _, test := range []struct{ name, graph, roots, want string }{
		{"explicit and essential", "a* b! c", "", "a:explicit b:essential orphans[c]"},
		{"named", "a* b c\nb -> c", "b gone", "a:explicit b:named missing[gone]"},
		{"nothing recorded", "a? b? c?\na -> b", "", "a:presumed c:presumed unknown[deb]"},
		{"essential is no record for the others", "a! b? c?\nb -> c", "", "a:essential b:presumed unknown[deb]"},
		{"all automatic is no record", "a/pypi b/pypi\na -> b", "", "a:presumed unknown[pypi]"},
		{"all automatic but the system's minimum", "a! b", "", "a:essential orphans[b]"},
		{"one for each ring", "a? b? c? d?\na -> b\nb -> a\nb -> c\nd -> c", "", "a:presumed d:presumed unknown[deb]"},
		{"a ring of one", "a?\na -> a", "", "a:presumed unknown[deb]"},
		{"a ring of orphans", "a* b c\nb -> c\nc -> b", "", "a:explicit orphans[b c]"},
		{"one without a record", "a* b c? d\nc -> d", "", "a:explicit c:presumed orphans[b]"},
		{"one without a record that an orphan needs", "a* b c?\nb -> c", "", "a:explicit orphans[b c]"},
		{"a type of its own", "a* x?/pypi y?/pypi\na -> x", "", "a:explicit y:presumed unknown[pypi]"},
		{"a bundled one is not a root", "a* b*<a c?<a", "", "a:explicit"},
		{"owners in a ring", "a* b<c c<b", "", "a:explicit"},
		{"nothing", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := parse(t, test.graph, graph.Options{Roots: strings.Fields(test.roots)}).Roots()
			var got []string
			for _, root := range r.All {
				got = append(got, root.ID+":"+string(root.Reason))
			}
			for _, list := range []struct {
				name string
				ids  []string
			}{{"orphans", r.Orphans}, {"unknown", r.Unknown}, {"missing", r.Missing}} {
				if len(list.ids) > 0 {
					got = append(got, fmt.Sprintf("%s%v", list.name, list.ids))
				}
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("got  %s\nwant %s", s, test.want)
			}
		})
	}
}

func chains(p *graph.Explanation) string {
	var out []string
	for _, c := range p.Chains {
		s := c.Root + "(" + string(c.Reason) + ")"
		for _, e := range c.Steps {
			s += " " + e.Kind + " " + e.To
		}
		out = append(out, s)
	}
	if p.Cut > 0 {
		out = append(out, fmt.Sprintf("and %d", p.Cut))
	}
	return strings.Join(out, "; ")
}

func TestWhy(t *testing.T) {
	const diamond = "r* s* a b c t\nr -> a\nr -> b\na -> t recommends\nb -> t\ns -> c\nc -> b"
	for _, test := range []struct {
		name, graph, target string
		opts                graph.WhyOptions
		want                string
	}{
		{"stronger edges of two ways", diamond, "t", graph.WhyOptions{}, "r(explicit) depends b depends t; s(explicit) depends c depends b depends t"},
		{"all", diamond, "t", graph.WhyOptions{All: true}, "r(explicit) depends b depends t; r(explicit) depends a recommends t"},
		{"cut", diamond, "t", graph.WhyOptions{Max: 1}, "r(explicit) depends b depends t; and 1"},
		{"the edges of a rebuild before fewer ones", "r* a t\nr -> a\na -> t\nr -> t suggests", "t", graph.WhyOptions{}, "r(explicit) depends a depends t"},
		{"of equal ones the first by ID", "r* b a t\nr -> a\nr -> b\na -> t\nb -> t", "t", graph.WhyOptions{}, "r(explicit) depends a depends t"},
		{"a root itself", "r* t*\nr -> t", "t", graph.WhyOptions{}, "t(explicit); r(explicit) depends t"},
		{"no chain goes through another root", "r* s* t\nr -> s\ns -> t", "t", graph.WhyOptions{}, "s(explicit) depends t"},
		{"an orphan", "r* o t\no -> t", "t", graph.WhyOptions{}, "o(orphan) depends t"},
		{"parallel edges", "r* t\nr -> t recommends\nr -> t\nr -> t pre-depends", "t", graph.WhyOptions{All: true}, "r(explicit) pre-depends t"},
		{"through itself only", "r* t u\nr -> t\nt -> u\nu -> t", "t", graph.WhyOptions{All: true}, "r(explicit) depends t"},
		{"bundled", "r* a t<a\nr -> a", "t", graph.WhyOptions{}, "r(explicit) depends a contains t"},
		{"an owner for a bundled one", "r* a t<a\nr -> t", "a", graph.WhyOptions{}, "r(explicit) depends t bundled a"},
		{"two versions", "r* t@1 t@2\nr -> t@2", "t@2", graph.WhyOptions{}, "r(explicit) depends t@2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := parse(t, test.graph, graph.Options{}).Why(test.target, test.opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := chains(p); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestWithoutRecommendations: what is not followed keeps nothing.
func TestWithoutRecommendations(t *testing.T) {
	const text = "r* a b\nr -> a recommends\na -> b suggests"
	for follow, want := range map[graph.Follow]string{
		graph.FollowDefault: "[]", graph.FollowSuggests: "[]", graph.FollowRecommends: "[b]", graph.FollowNeeds: "[a b]",
	} {
		g := parse(t, text, graph.Options{Follow: follow})
		if got := fmt.Sprint(g.Roots().Orphans); got != want {
			t.Errorf("follow %d: orphans %s, want %s", follow, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	g := graph.FromLists([]sbom.Component{
		{ID: "deb/debian/libc6@2?arch=amd64", PURL: "pkg:deb/debian/libc6@2", Type: "deb", Namespace: "debian", Name: "libc6", Version: "2", Arch: "amd64"},
		{ID: "deb/debian/libc6@2?arch=i386", Type: "deb", Namespace: "debian", Name: "libc6", Version: "2", Arch: "i386"},
		{ID: "npm/@babel/core@7", Type: "npm", Namespace: "@babel", Name: "core", Version: "7"},
		{ID: "npm/core@1", Type: "npm", Name: "core", Version: "1"},
		{ID: "pypi/six@1", Type: "pypi", Name: "six", Version: "1", Paths: []string{"/a/six.py", "/b"}},
		{ID: "pypi/six@2", Type: "pypi", Name: "six", Version: "2", Owner: "pypi/pip@1"},
		{ID: "pypi/pip@1", Type: "pypi", Name: "pip", Version: "1"},
		{ID: "pypi/idna@1", Type: "pypi", Name: "idna", Version: "1", Owner: "pypi/pip@1"},
	}, nil, graph.Options{})
	for word, want := range map[string]string{
		"libc6":                  "deb/debian/libc6@2?arch=amd64 deb/debian/libc6@2?arch=i386",
		"debian/libc6":           "deb/debian/libc6@2?arch=amd64 deb/debian/libc6@2?arch=i386",
		"pkg:deb/debian/libc6@2": "deb/debian/libc6@2?arch=amd64",
		"core":                   "npm/@babel/core@7 npm/core@1",
		"core@1":                 "npm/core@1",
		"@babel/core":            "npm/@babel/core@7",
		"npm/@babel/core@7":      "npm/@babel/core@7",
		"six":                    "pypi/six@1",
		"six@2":                  "pypi/six@2",
		"idna":                   "pypi/idna@1",
		"/a/six.py":              "pypi/six@1",
		"sixx":                   "no: pypi/six@1 pypi/six@2",
		"libc":                   "no: deb/debian/libc6@2?arch=amd64 deb/debian/libc6@2?arch=i386",
		"libc7@2":                "no: deb/debian/libc6@2?arch=amd64 deb/debian/libc6@2?arch=i386",
		"zzzzzzzz":               "no:",
		"":                       "no:",
		"/":                      "no:",
		"@":                      "no:",
		strings.Repeat("a", 1e6): "no:",
	} {
		ids, err := g.Find(word)
		got := strings.Join(ids, " ")
		if unknown := (*graph.UnknownError)(nil); errors.As(err, &unknown) {
			got = strings.TrimSpace("no: " + strings.Join(unknown.Near, " "))
			if len(err.Error()) > 1000 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
		}
		if got != want {
			t.Errorf("%.20q is %s, want %s", word, got, want)
		}
	}
}

func TestUnknownIDs(t *testing.T) {
	g := parse(t, "alpha* beta\nalpha -> beta", graph.Options{})
	for name, ask := range map[string]func(id string) error{
		"why":     func(id string) error { _, err := g.Why(id, graph.WhyOptions{}); return err },
		"without": func(id string) error { _, err := g.Without([]string{"beta", id}, graph.WhatIf{}); return err },
		"keep":    func(id string) error { _, err := g.Without(nil, graph.WhatIf{Protected: []string{id}}); return err },
		"only":    func(id string) error { _, err := g.Only([]string{id}, graph.WhatIf{}); return err },
		"split": func(id string) error {
			_, err := g.Split([]graph.Part{{IDs: []string{id}}}, graph.SplitOptions{})
			return err
		},
		"around":  func(id string) error { _, err := g.Around(id, 1, graph.ViewOptions{}); return err },
		"keeper":  func(id string) error { _, err := g.Retainer(id); return err },
		"keeps":   func(id string) error { _, err := g.Retains(id); return err },
		"retains": func(id string) error { _, err := g.Retained(id); return err },
	} {
		err := ask("alpa\x1b[2J")
		unknown := (*graph.UnknownError)(nil)
		if !errors.As(err, &unknown) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%s: %q", name, err)
		}
		if err := ask("alpa"); !strings.Contains(err.Error(), `did you mean "alpha"?`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFaultsAreCounted(t *testing.T) {
	g := parse(t, "a* a b<gone c<c d<e e<d\na -> gone\ngone -> a\na -> a", graph.Options{})
	want := graph.Faults{Edges: 2, Components: 1, Owners: 3, Examples: []graph.Edge{{From: "a", To: "gone", Kind: "depends"}, {From: "gone", To: "a", Kind: "depends"}}}
	if diff := cmp.Diff(want, g.Faults()); diff != "" {
		t.Error(diff)
	}
}

// TestStatedRequirements: numbers that edges carry are believed, and text is
// not looked at. One of them may be of a component that is gone.
func TestStatedRequirements(t *testing.T) {
	var components []sbom.Component
	for _, id := range []string{"a", "b", "c", "d"} {
		components = append(components, sbom.Component{ID: id, Name: id, Type: "deb", InstallReason: sbom.ReasonDependency})
	}
	components[0].InstallReason = sbom.ReasonExplicit
	g := graph.FromLists(components, []graph.Edge{
		{From: "a", To: "b", Kind: "depends", Via: "b | c", Group: 7},
		{From: "a", To: "c", Kind: "depends", Via: "b | c", Group: 7},
		{From: "a", To: "c", Kind: "depends", Via: "c | gone", Group: 8},
		{From: "a", To: "gone", Kind: "depends", Via: "c | gone", Group: 8},
		{From: "a", To: "d", Kind: "depends", Via: "b | d"},
	}, graph.Options{})
	for without, want := range map[string]string{
		"b": "b:requested",
		"c": "a:broken, b:unneeded, c:requested, d:unneeded, a misses c",
		"d": "a:broken, b:unneeded, c:unneeded, d:requested, a misses d",
	} {
		if got := leaves(t, g, without); got != want {
			t.Errorf("without %s: %s, want %s", without, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	g := parse(t, "e! base docs* src* tex lib shared exim mail x*\ne -> base\ndocs -> tex\ntex -> shared\nsrc -> lib\nlib -> shared\ndocs -> base\n"+
		"src -> exim depends mail | exim\nsrc -> mail depends mail | exim\ndocs -> x recommends", graph.Options{})
	s, err := g.Split([]graph.Part{{Name: "docs", IDs: []string{"docs"}}, {Name: "source", IDs: []string{"src"}}}, graph.SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := &graph.Split{
		Essential: graph.Amount{Count: 2, Size: 20},
		Parts: []graph.PartNeeds{
			{Name: "docs", Total: graph.Amount{Count: 5, Size: 50}, Alone: graph.Amount{Count: 2, Size: 20}, Shared: graph.Amount{Count: 1, Size: 10}, IDs: []string{"docs", "shared", "tex"}},
			{Name: "source", Total: graph.Amount{Count: 6, Size: 60}, Alone: graph.Amount{Count: 3, Size: 30}, Shared: graph.Amount{Count: 1, Size: 10}, IDs: []string{"lib", "mail", "shared", "src"}},
		},
		Overlaps: []graph.Overlap{
			{Parts: []string{"source"}, Amount: graph.Amount{Count: 3, Size: 30}, IDs: []string{"lib", "mail", "src"}},
			{Parts: []string{"docs"}, Amount: graph.Amount{Count: 2, Size: 20}, IDs: []string{"docs", "tex"}},
			{Parts: []string{"docs", "source"}, Amount: graph.Amount{Count: 1, Size: 10}, IDs: []string{"shared"}},
		},
		Unneeded: graph.Amount{Count: 2, Size: 20},
		Choices:  []graph.Choice{{Part: "source", From: "src", Via: "mail | exim", Chosen: "mail", Others: []string{"exim"}}},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	// What is needed anyway is taken, although another one is named first.
	g = parse(t, "src* exim mail z\nsrc -> exim depends mail | exim\nsrc -> mail depends mail | exim\nsrc -> z\nz -> exim", graph.Options{})
	s, err = g.Split([]graph.Part{{Name: "source", IDs: []string{"src"}}}, graph.SplitOptions{})
	if err != nil || len(s.Choices) > 0 || !slices.Equal(s.Parts[0].IDs, []string{"exim", "src", "z"}) {
		t.Errorf("%+v (%v)", s, err)
	}
	if _, err := g.Split(nil, graph.SplitOptions{}); err == nil {
		t.Error("a split by nothing has an answer")
	}
	if _, err := g.Split(make([]graph.Part, 65), graph.SplitOptions{}); err == nil {
		t.Error("a split by 65 parts has an answer")
	}
}

// TestSplitTakesOptionalDependencies: npm installs them, apt does not install
// recommendations of a part.
func TestSplitTakesOptionalDependencies(t *testing.T) {
	g := parse(t, "app?/npm native?/npm tool* extra\napp -> native recommends\ntool -> extra recommends", graph.Options{})
	s, err := g.Split([]graph.Part{{Name: "app", IDs: []string{"app"}}, {Name: "tool", IDs: []string{"tool"}}}, graph.SplitOptions{})
	if err != nil || !slices.Equal(s.Parts[0].IDs, []string{"app", "native"}) || !slices.Equal(s.Parts[1].IDs, []string{"tool"}) {
		t.Errorf("%+v (%v)", s, err)
	}
}

func TestGroup(t *testing.T) {
	g := parse(t, "old* gdb* other* py lib x y mid\ngdb -> py\npy -> lib\ngdb -> x\nother -> x\nold -> mid\nmid -> y", graph.Options{})
	got := g.Introductions([]string{"gdb", "other", "py", "lib", "x", "y", "gone"})
	want := []graph.Introduction{
		{ID: "gdb", Reason: graph.Explicit, Introduces: []string{"lib", "py"}},
		{ID: "other", Reason: graph.Explicit},
		{ID: "y", NeededBy: []string{"mid"}},
		{ID: "x", SharedBy: []string{"gdb", "other"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestHostileSizes: sums stay where they are at the end of the numbers.
func TestHostileSizes(t *testing.T) {
	const most = 1<<63 - 1
	components := []sbom.Component{
		{ID: "a", Name: "a", Type: "deb", InstallReason: sbom.ReasonExplicit, InstalledSize: most},
		{ID: "b", Name: "b", Type: "deb", InstallReason: sbom.ReasonDependency, InstalledSize: most},
		{ID: "c", Name: "c", Type: "deb", InstallReason: sbom.ReasonDependency, InstalledSize: -5},
	}
	g := graph.FromLists(components, []graph.Edge{{From: "a", To: "b"}, {From: "a", To: "c"}}, graph.Options{})
	c, err := g.Without([]string{"a"}, graph.WhatIf{})
	if err != nil || c.Size != most {
		t.Errorf("size %d (%v)", c.Size, err)
	}
	h, err := g.Retained("a")
	if err != nil || h.RetainedSize < 0 || h.SharedSize < 0 || h.Retained != 2 {
		t.Errorf("%+v (%v)", h, err)
	}
}

// TestLongChain: depth is no recursion, and the answer is bounded.
func TestLongChain(t *testing.T) {
	const length = 50_000
	var components []sbom.Component
	var edges []graph.Edge
	for i := range length {
		c := sbom.Component{ID: fmt.Sprintf("%06d", i), Name: fmt.Sprint(i), Type: "deb", InstallReason: sbom.ReasonDependency}
		if i == 0 {
			c.InstallReason = sbom.ReasonExplicit
		} else {
			edges = append(edges, graph.Edge{From: components[i-1].ID, To: c.ID, Kind: "depends"},
				graph.Edge{From: c.ID, To: components[length/2%i].ID, Kind: "depends"})
		}
		components = append(components, c)
	}
	for i := range length - 1 {
		edges = append(edges, graph.Edge{From: components[i].ID, To: components[length-1].ID, Kind: "recommends"})
	}
	g := graph.FromLists(components, edges, graph.Options{})
	last := components[length-1].ID
	p, err := g.Why(last, graph.WhyOptions{All: true, Max: -1})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, c := range p.Chains {
		steps += len(c.Steps)
	}
	if steps > 1_000_000 || p.Cut == 0 || len(p.Chains)+p.Cut+p.Circular < length-1 {
		t.Errorf("%d chains of %d steps, %d cut, %d circular", len(p.Chains), steps, p.Cut, p.Circular)
	}
	if c, err := g.Without([]string{components[length/2].ID}, graph.WhatIf{}); err != nil || c.Remaining != 0 {
		t.Errorf("%d left (%v)", c.Remaining, err)
	}
}

// TestManyAlternatives: records in which everything satisfies everything do
// not take the square of their size.
func TestManyAlternatives(t *testing.T) {
	components := []sbom.Component{{ID: "a", Name: "a", Type: "deb", InstallReason: sbom.ReasonExplicit}}
	var edges []graph.Edge
	for i := range 20_000 {
		id := fmt.Sprintf("b%05d", i)
		components = append(components, sbom.Component{ID: id, Name: "b", Type: "deb", InstallReason: sbom.ReasonDependency})
		edges = append(edges, graph.Edge{From: "a", To: id, Kind: "depends", Via: "b", Group: 1})
	}
	g := graph.FromLists(components, edges, graph.Options{})
	if _, err := g.Without([]string{"b00001"}, graph.WhatIf{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Split([]graph.Part{{Name: "a", IDs: []string{"a"}}}, graph.SplitOptions{}); err != nil {
		t.Fatal(err)
	}
	if g.Edges() != len(edges) {
		t.Errorf("%d edges, want %d", g.Edges(), len(edges))
	}
}

// TestConcurrent asks one graph from several goroutines, for the race
// detector.
func TestConcurrent(t *testing.T) {
	g := parse(t, "a* b c\na -> b\nb -> c\nc -> b", graph.Options{})
	want := everything(t, parse(t, "a* b c\na -> b\nb -> c\nc -> b", graph.Options{}))
	results := make(chan string)
	for range 4 {
		go func() { results <- everything(t, g) }()
	}
	for range 4 {
		if got := <-results; got != want {
			t.Error(cmp.Diff(want, got))
		}
	}
}

// TestDocument makes a graph of a document, whose relations it takes over.
func TestDocument(t *testing.T) {
	doc, err := sbom.New(sbom.Document{
		Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"},
		Components: []sbom.Component{
			{Type: "deb", Kind: sbom.KindOS, Name: "a", Version: "1", InstallReason: sbom.ReasonExplicit},
			{Type: "deb", Kind: sbom.KindOS, Name: "b", Version: "1", InstallReason: sbom.ReasonDependency},
			{Type: "gem", Kind: sbom.KindPackage, Name: "c", Version: "1", Owner: "deb/b@1"},
		},
		Relations: []sbom.Relation{{From: "deb/a@1", To: "deb/b@1", Kind: sbom.RelPreDepends, Via: "x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(doc, graph.Options{})
	p, err := g.Why("gem/c@1", graph.WhyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := chains(p), "deb/a@1(explicit) pre-depends deb/b@1 contains gem/c@1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(p.Owner, p.RetainedBy, p.Roots), "deb/b@1[deb/a@1 deb/b@1] 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if via := p.Chains[0].Steps[0].Via; via != "x" {
		t.Errorf("via %q", via)
	}
	if faults := g.Faults(); !cmp.Equal(faults, graph.Faults{}) {
		t.Errorf("%+v", faults)
	}
	ids, err := g.Find("c")
	if err != nil || !slices.Equal(ids, []string{"gem/c@1"}) {
		t.Errorf("%v, %v", ids, err)
	}
}
