package diff

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

func deb(name, version string) sbom.Component {
	return sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: name, Version: version, Arch: "amd64"}
}

func pypi(name, version string) sbom.Component {
	return sbom.Component{Kind: sbom.KindPackage, Type: "pypi", Name: name, Version: version}
}

func document(t testing.TB, components ...sbom.Component) *sbom.Document {
	t.Helper()
	doc, err := sbom.New(sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}, Components: components})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func scanned(doc *sbom.Document) Side { return Side{Document: doc, Known: Everything()} }

// TestBetween has one case for each thing that can differ.
func TestBetween(t *testing.T) {
	digest := func(c sbom.Component, value string, proved bool) sbom.Component {
		c.Digests = []sbom.Digest{{Algorithm: "sha256", Value: value, Proved: proved, File: "/record"}}
		return c
	}
	inside := func(c, owner sbom.Component) sbom.Component {
		c.Owner = sbom.Identity(&owner)
		return c
	}
	from := func(c sbom.Component, kind sbom.InstallKind, url string) sbom.Component {
		c.Install = &sbom.Install{Kind: kind, URL: url}
		return c
	}
	files := func(stamp string) sbom.Component {
		return sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "go", Paths: []string{"/usr/local/go"}, Fingerprint: stamp}
	}
	pip := deb("python3-pip", "23")
	ubuntu := deb("xz", "5.4")
	ubuntu.Namespace = "ubuntu"
	rpm := sbom.Component{Kind: sbom.KindOS, Type: "rpm", Namespace: "fedora", Name: "xz", Version: "5.4", Arch: "x86_64"}
	for _, test := range []struct {
		name          string
		before, after []sbom.Component
		want          []string
	}{
		{"nothing", []sbom.Component{deb("a", "1")}, []sbom.Component{deb("a", "1")}, nil},
		{"added", nil, []sbom.Component{deb("a", "1")}, []string{"+deb/debian/a@1?arch=amd64"}},
		{"changed", []sbom.Component{deb("a", "1.9")}, []sbom.Component{deb("a", "1.10")}, []string{"deb/debian/a?arch=amd64 [1.9] -> [1.10] up"}},
		{"changed without an order", []sbom.Component{{Kind: sbom.KindPackage, Type: "maven", Name: "a", Version: "1"}}, []sbom.Component{{Kind: sbom.KindPackage, Type: "maven", Name: "a", Version: "2"}}, []string{"maven/a [1] -> [2] "}},
		{"two versions to two others", []sbom.Component{pypi("a", "1"), pypi("a", "2"), pypi("a", "3")}, []sbom.Component{pypi("a", "3"), pypi("a", "10"), pypi("a", "9")}, []string{"pypi/a [1 2] -> [9 10] "}},
		{"one of two versions left", []sbom.Component{pypi("a", "1"), pypi("a", "2")}, []sbom.Component{pypi("a", "2")}, []string{"-pypi/a@1"}},
		{"debian to ubuntu", []sbom.Component{deb("xz", "5.4")}, []sbom.Component{ubuntu}, []string{"-deb/debian/xz@5.4?arch=amd64", "+deb/ubuntu/xz@5.4?arch=amd64", "replaced xz [namespace]"}},
		{"deb to rpm", []sbom.Component{deb("xz", "5.4")}, []sbom.Component{rpm}, []string{"-deb/debian/xz@5.4?arch=amd64", "+rpm/fedora/xz@5.4?arch=x86_64", "replaced xz [type namespace arch]"}},
		{"moved inside", []sbom.Component{pip, pypi("pip", "23")}, []sbom.Component{pip, inside(pypi("pip", "23"), pip)}, []string{"in pypi/pip@23: deb/debian/python3-pip@23?arch=amd64"}},
		{"moved inside at another version", []sbom.Component{pip, pypi("pip", "24")}, []sbom.Component{pip, inside(pypi("pip", "23"), pip)}, []string{"-pypi/pip@24", "inside +pypi/pip@23"}},
		{"another digest", []sbom.Component{digest(pypi("a", "1"), "aa", false)}, []sbom.Component{digest(pypi("a", "1"), "bb", false)}, []string{"pypi/a@1 digest [sha256:aa] -> [sha256:bb] false"}},
		{"another proved digest", []sbom.Component{digest(pypi("a", "1"), "aa", true)}, []sbom.Component{digest(pypi("a", "1"), "bb", true)}, []string{"pypi/a@1 digest [sha256:aa] -> [sha256:bb] true"}},
		{"a digest on one side only", []sbom.Component{pypi("a", "1")}, []sbom.Component{digest(pypi("a", "1"), "bb", true)}, nil},
		{"other files", []sbom.Component{files("sha256:aa")}, []sbom.Component{files("sha256:bb")}, []string{"generic/go?path=/usr/local/go files [sha256:aa] -> [sha256:bb] false"}},
		{"another origin", []sbom.Component{from(pypi("a", "1"), sbom.InstallRegistry, "")}, []sbom.Component{from(pypi("a", "1"), sbom.InstallURL, "https://example.org/a")}, []string{"pypi/a@1 origin [registry] -> [url https://example.org/a] false"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Between(scanned(document(t, test.before...)), scanned(document(t, test.after...)))
			if diff := cmp.Diff(test.want, lines(d)); diff != "" {
				t.Error(diff)
			}
			if d.Empty() != (test.want == nil) {
				t.Errorf("Empty is %v", d.Empty())
			}
		})
	}
}

// lines is a difference in short.
func lines(d *Difference) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	versionsOf := func(items []Component) []string {
		v := []string{}
		for _, i := range items {
			v = append(v, i.Version)
		}
		return v
	}
	for _, i := range d.Removed {
		add("-%s", i.ID)
	}
	for _, i := range d.Added {
		add("+%s", i.ID)
	}
	for _, c := range d.Changed {
		add("%s %v -> %v %s", c.Key, versionsOf(c.Before), versionsOf(c.After), c.Order)
	}
	for _, r := range d.Replaced {
		add("replaced %s %v", r.Name, r.Across)
	}
	for _, m := range d.MovedIn {
		add("in %s: %s", m.ID, m.Bundled)
	}
	for _, m := range d.MovedOut {
		add("out %s: %s", m.ID, m.Bundled)
	}
	for _, p := range d.Judgements {
		add("%s %v -> %s %v", p.Before, p.From, p.After, p.To)
	}
	for _, a := range d.Artifacts {
		add("%s %s %v -> %v %v", a.ID, a.What, a.From, a.To, a.Proved)
	}
	for _, l := range d.Layers {
		add("layer %s -> %s %v", l.From, l.To, l.IDs)
	}
	for _, i := range d.Bundled.Removed {
		add("inside -%s", i.ID)
	}
	for _, i := range d.Bundled.Added {
		add("inside +%s", i.ID)
	}
	for _, c := range d.Bundled.Changed {
		add("inside %s %v -> %v", c.Key, versionsOf(c.Before), versionsOf(c.After))
	}
	for _, o := range d.Bundled.Owners {
		add("inside %s: %s -> %s", o.ID, o.From, o.To)
	}
	return out
}

func TestProofsAreComparedOnlyWhenBothJudged(t *testing.T) {
	judged := func(provenance, evidence string, components ...sbom.Component) Side {
		s := scanned(document(t, components...))
		s.Judgement = func(string) Judgement { return Judgement{provenance, evidence} }
		return s
	}
	a, b := judged("lock", "hash-locked", pypi("a", "1")), judged("unaccounted", "none", pypi("a", "1"))
	if got, want := lines(Between(a, b)), []string{"pypi/a@1 {lock hash-locked} -> pypi/a@1 {unaccounted none}"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	b = judged("unaccounted", "none", pypi("a", "2"))
	if got, want := lines(Between(a, b)), []string{"pypi/a [1] -> [2] up", "pypi/a@1 {lock hash-locked} -> pypi/a@2 {unaccounted none}"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	b.Judgement = nil
	if d := Between(a, b); len(d.Judgements) != 0 || d.Judged {
		t.Errorf("%+v", d.Judgements)
	}
}

func TestWhatOneSideDoesNotKnowIsNoDifference(t *testing.T) {
	pip := deb("python3-pip", "23")
	part := pypi("pip", "23")
	part.Owner = sbom.Identity(&pip)
	app := pypi("app", "1")
	app.Digests = []sbom.Digest{{Algorithm: "sha256", Value: "aa", File: "/r"}}
	baseline := Side{Document: document(t, pip, pypi("app", "1"))}
	d := Between(scanned(document(t, pip, part, app)), baseline)
	if !d.Empty() || d.Before.Counted != 2 || d.After.Counted != 2 {
		t.Errorf("%q, %+v %+v", lines(d), d.Before, d.After)
	}
}

func TestLayers(t *testing.T) {
	image := func(diffID string, components ...sbom.Component) *sbom.Document {
		doc := document(t, components...)
		doc.Environment.Image.Layers = []sbom.Layer{{DiffID: "sha256:base"}, {DiffID: diffID}}
		return doc
	}
	a, b, c := deb("a", "1"), deb("b", "1"), deb("c", "1")
	a.Layer, b.Layer, c.Layer = 1, 2, 2
	d := Between(scanned(image("sha256:x", a, b, c)), scanned(image("sha256:y", a, b, c)))
	if got, want := lines(d), []string{"layer sha256:x -> sha256:y [deb/debian/b@1?arch=amd64 deb/debian/c@1?arch=amd64]"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if d := Between(scanned(image("sha256:x", a, b)), scanned(image("sha256:x", a, b))); !d.Empty() {
		t.Errorf("%q", lines(d))
	}
}

func TestGroups(t *testing.T) {
	withNeeds := func(relations []sbom.Relation, components ...sbom.Component) *sbom.Document {
		doc, err := sbom.New(sbom.Document{Environment: sbom.Environment{Kind: "dir"}, Components: components, Relations: relations})
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	root, gdb, lib := deb("root", "1"), deb("gdb", "1"), deb("libgdb", "1")
	gdb.InstallReason, lib.InstallReason, root.InstallReason = sbom.ReasonExplicit, sbom.ReasonDependency, sbom.ReasonExplicit
	needs := []sbom.Relation{{From: sbom.Identity(&gdb), To: sbom.Identity(&lib), Kind: sbom.RelDepends}}
	d := Between(scanned(withNeeds(nil, root)), scanned(withNeeds(needs, root, gdb, lib)))
	if len(d.AddedBy) != 1 || d.AddedBy[0].ID != sbom.Identity(&gdb) || !slices.Equal(d.AddedBy[0].Introduces, []string{sbom.Identity(&lib)}) || d.RemovedBy != nil {
		t.Errorf("%+v", d.AddedBy)
	}
}

// random is a document of a few names, so that everything happens often.
func random(t testing.TB, r *rand.Rand) Side {
	var components []sbom.Component
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for range r.IntN(14) {
		c := deb(pick("a", "b", "c"), pick("1", "1:1", "1.0", "2", "~", ""))
		switch r.IntN(4) {
		case 0:
			c.Namespace = "ubuntu"
		case 1:
			c = pypi(pick("a", "b", "d"), pick("1", "1.0", "2", "x", ""))
		case 2:
			c = sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "f", Paths: []string{"/" + pick("f", "g")}, Fingerprint: pick("", "s", "t")}
		}
		for range r.IntN(3) {
			c.Digests = append(c.Digests, sbom.Digest{Algorithm: pick("sha1", "sha256"), Value: pick("aa", "bb"), Proved: r.IntN(2) == 0, File: "/f"})
		}
		if r.IntN(3) == 0 {
			c.Install = &sbom.Install{Kind: sbom.InstallKind(pick("vcs", "registry")), URL: pick("", "https://e.org")}
		}
		c.Layer = r.IntN(3)
		components = append(components, c)
	}
	doc := document(t, components...)
	// Some are bundled in others, and some need others.
	var relations []sbom.Relation
	for i := range doc.Components {
		if i > 0 && r.IntN(3) == 0 {
			doc.Components[i].Owner = doc.Components[r.IntN(i)].ID
		}
		if r.IntN(2) == 0 {
			relations = append(relations, sbom.Relation{From: doc.Components[i].ID, To: doc.Components[r.IntN(len(doc.Components))].ID, Kind: sbom.RelDepends})
		}
	}
	doc.Relations = relations
	for i := range 2 {
		doc.Environment.Image.Layers = append(doc.Environment.Image.Layers, sbom.Layer{DiffID: fmt.Sprintf("%d%s", i, pick("x", "y"))})
	}
	doc, err := sbom.New(*doc)
	if err != nil {
		t.Fatal(err)
	}
	s := Side{Document: doc, Known: Known{Bundled: r.IntN(4) > 0, Artifacts: r.IntN(4) > 0, Relations: r.IntN(4) > 0}}
	if r.IntN(2) == 0 {
		proofs := map[string]Judgement{}
		for _, c := range doc.Components {
			proofs[c.ID] = Judgement{pick("os", "lock"), pick("e", "f")}
		}
		s.Judgement = func(id string) Judgement { return proofs[id] }
	}
	return s
}

// TestProperties holds, for random sides: a side does not differ from itself,
// the difference turned around is the mirror image, and a side with the
// difference applied is the other side.
func TestProperties(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, b := random(t, r), random(t, r)
		if d := Between(a, a); !d.Empty() || len(d.Replaced) > 0 {
			t.Fatalf("seed %d: differs from itself: %q", seed, lines(d))
		}
		d := Between(a, b)
		if diff := cmp.Diff(d.Mirror(), Between(b, a)); diff != "" {
			t.Fatalf("seed %d: not the mirror image:\n%s", seed, diff)
		}
		if diff := cmp.Diff(d, Between(a, b)); diff != "" {
			t.Fatalf("seed %d: not the same twice:\n%s", seed, diff)
		}
		if diff := cmp.Diff(state(b, d.Known.Bundled), apply(d, state(a, d.Known.Bundled))); diff != "" {
			t.Fatalf("seed %d: applied to the first, it is not the second:\n%s", seed, diff)
		}
	}
}

// state reports for each identity whether it counts; without bundled components
// others when that is not compared.
func state(s Side, bundled bool) map[string]bool {
	out := map[string]bool{}
	for i := range s.Document.Components {
		if c := &s.Document.Components[i]; c.Counts() || bundled {
			out[sbom.Identity(c)] = c.Counts()
		}
	}
	return out
}

// apply applies the difference to the state of the first side.
func apply(d *Difference, state map[string]bool) map[string]bool {
	out := maps.Clone(state)
	remove := func(items []Component) {
		for _, i := range items {
			delete(out, i.ID)
		}
	}
	add := func(items []Component, counts bool) {
		for _, i := range items {
			out[i.ID] = counts
		}
	}
	remove(d.Removed)
	remove(d.Bundled.Removed)
	for _, c := range d.Changed {
		remove(c.Before)
		add(c.After, true)
	}
	for _, c := range d.Bundled.Changed {
		remove(c.Before)
		add(c.After, false)
	}
	add(d.Added, true)
	add(d.Bundled.Added, false)
	for _, m := range d.MovedIn {
		if out[m.ID] = false; !d.Known.Bundled {
			delete(out, m.ID)
		}
	}
	for _, m := range d.MovedOut {
		out[m.ID] = true
	}
	return out
}
