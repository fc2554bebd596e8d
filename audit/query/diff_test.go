package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
)

var updateDiff = flag.Bool("update-diff", false, "write the golden files of diff and find")

func diffComponent(kind sbom.Kind, typ, namespace, name, version string) sbom.Component {
	c := sbom.Component{Kind: kind, Type: typ, Namespace: namespace, Name: name, Version: version}
	if kind == sbom.KindOS {
		c.Arch = "amd64"
	}
	return c
}

func diffDocument(t testing.TB, d sbom.Document) *sbom.Document {
	t.Helper()
	d.Environment.Kind = "dir"
	doc, err := sbom.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// diffSides are two sides with everything in them that can differ.
func diffSides(t testing.TB) (before, after DiffSide) {
	deb := func(name, version string) sbom.Component {
		return diffComponent(sbom.KindOS, "deb", "debian", name, version)
	}
	pypi := func(name, version string) sbom.Component {
		return diffComponent(sbom.KindPackage, "pypi", "", name, version)
	}
	within := func(c, owner sbom.Component) sbom.Component {
		c.Owner = sbom.Identity(&owner)
		return c
	}
	needs := func(a, b sbom.Component) sbom.Relation {
		return sbom.Relation{From: sbom.Identity(&a), To: sbom.Identity(&b), Kind: sbom.RelDepends}
	}
	layered := func(c sbom.Component, layer int, digest string) sbom.Component {
		c.Layer = layer
		if digest != "" {
			c.Digests = []sbom.Digest{{Algorithm: "sha256", Value: digest, Proved: true, File: "/x"}}
		}
		return c
	}
	image := func(top string) sbom.Environment {
		return sbom.Environment{OS: sbom.OS{Pretty: "Debian " + top}, Image: sbom.Image{Layers: []sbom.Layer{{DiffID: "sha256:" + strings.Repeat("0", 64)}, {DiffID: "sha256:" + strings.Repeat(top, 64)}}}}
	}
	gdb, lib, pip := deb("gdb", "13.1-3"), deb("libgdb1", "13.1-3"), deb("python3-pip", "23.0.1+dfsg-1")
	gdb.InstallReason, pip.InstallReason, lib.InstallReason = sbom.ReasonExplicit, sbom.ReasonExplicit, sbom.ReasonDependency
	ubuntu := deb("xz-utils", "5.4.5-0.3")
	ubuntu.Namespace = "ubuntu"
	hostile := pypi("evil\x1b[31m\u202e##[group]", "1\n::error::")
	a := diffDocument(t, sbom.Document{Environment: image("1"), Catalogers: "syft v1", Components: []sbom.Component{
		layered(deb("bash", "5.2-1"), 2, ""), deb("liblzma5", "5.4.1-1"), deb("xz-utils", "5.4.1-1"), pip, pypi("pip", "23.0.1"),
		within(pypi("wheel", "0.38.4"), pip), layered(pypi("six", "1.16.0"), 0, "aa"), pypi("requests", "2.9.0"), pypi("requests", "2.10.0"),
	}})
	b := diffDocument(t, sbom.Document{Environment: image("2"), Catalogers: "syft v1", Components: []sbom.Component{
		layered(deb("bash", "5.2-1"), 2, ""), deb("liblzma5", "5.6.1-1"), ubuntu, pip, within(pypi("pip", "23.0.1"), pip),
		within(pypi("wheel", "0.40.0"), pip), layered(pypi("six", "1.16.0"), 0, "bb"), pypi("requests", "2.31.0"), gdb, lib, hostile,
	}, Relations: []sbom.Relation{needs(gdb, lib)}, Gaps: []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/root", Detail: "permission denied"}}})
	proof := func(evidence string) func(string) diff.Judgement {
		return func(id string) diff.Judgement {
			if strings.HasPrefix(id, "deb/") {
				return diff.Judgement{Provenance: "os", Evidence: evidence}
			}
			return diff.Judgement{Provenance: "unaccounted", Evidence: "none"}
		}
	}
	return NewDiffSide("old.json#build", SideReport, a, proof("archive-signed")), NewDiffSide("new.json#build", SideReport, b, proof("db-owned"))
}

func TestDiffGolden(t *testing.T) {
	before, after := judged(t)
	d := NewDiff([]StageDiff{NewStageDiff(before, after)}, nil, []DiffSide{{Name: "new.json#publish", Stage: "publish", Counted: 3}})
	diffGolden(t, "diff.80", func(b *bytes.Buffer) error { return d.Text(b, terminal.Options{}, 20) })
	diffGolden(t, "diff.2.50", func(b *bytes.Buffer) error { return d.Text(b, terminal.Options{Width: 50}, 2) })
	diffGolden(t, "diff.json", func(b *bytes.Buffer) error { return WriteJSON(b, d) })
	if !d.Differs() || !d.Unsure() {
		t.Error("it differs, and has a gap")
	}
	same := NewDiff([]StageDiff{NewStageDiff(before, before)}, nil, nil)
	diffGolden(t, "diff.same", func(b *bytes.Buffer) error { return same.Text(b, terminal.Options{}, 20) })
	if same.Differs() || same.Unsure() {
		t.Error("it does not differ from itself")
	}
}

// TestUnsure has what makes a difference unsure.
func TestUnsure(t *testing.T) {
	limited := func(names ...sbom.LimitationName) sbom.Document {
		d := sbom.Document{Catalogers: "c"}
		for _, n := range names {
			d.Limitations = append(d.Limitations, sbom.Limitation{Name: n})
		}
		return d
	}
	for _, test := range []struct {
		before, after sbom.Document
		want          int
	}{
		{limited(), limited(), 0},
		{limited(sbom.LimitOwnership), limited(sbom.LimitOwnership), 0},
		{limited(sbom.LimitOwnership), limited(), 1},
		{limited(), limited(sbom.LimitUnaccounted, sbom.LimitInstalled), 2},
		{limited(sbom.LimitIncomplete), limited(sbom.LimitIncomplete), 1},
		{limited(), limited(sbom.LimitInstallReason, sbom.LimitRelations, sbom.LimitPaths), 0},
		{sbom.Document{Catalogers: "a"}, sbom.Document{Catalogers: "b"}, 1},
		{sbom.Document{Gaps: []sbom.Gap{{Kind: sbom.GapMount}}}, sbom.Document{}, 1},
	} {
		s := NewStageDiff(NewDiffSide("a", SideScan, diffDocument(t, test.before), nil), NewDiffSide("b", SideSBOM, diffDocument(t, test.after), nil))
		if len(s.Unsure) != test.want {
			t.Errorf("%+v and %+v: %q", test.before, test.after, s.Unsure)
		}
	}
}

func TestFindGolden(t *testing.T) {
	before, after := diffSides(t)
	f := findIn(t, "*@>=5.6", before, after)
	f.AddError("dir:gone", errors.New("no such \x1b[31m folder"))
	diffGolden(t, "find.80", func(b *bytes.Buffer) error { return f.Text(b, terminal.Options{}, 20) })
	diffGolden(t, "find.json", func(b *bytes.Buffer) error { return WriteJSON(b, f) })
	none := findIn(t, "libsystemd0", before)
	none.Near = []string{"deb/debian/systemd@1"}
	diffGolden(t, "find.none", func(b *bytes.Buffer) error { return none.Text(b, terminal.Options{}, 20) })
	if !f.Found() || !f.Unsure() || none.Found() || none.Unsure() {
		t.Error("what was found, and is sure")
	}
	if gap := findIn(t, "libsystemd0", after); gap.Found() || !gap.Unsure() {
		t.Error("a gap may hide it")
	}
}

func findIn(t *testing.T, pattern string, sides ...DiffSide) *Find {
	p, err := diff.ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFind(p)
	for _, s := range sides {
		f.Add(s.Name, p.Find(s.side.Document))
	}
	return f
}

// diffGolden compares with a file, and holds that nothing acts on a terminal, that
// text fits its width, and that JSON is JSON.
func diffGolden(t *testing.T, name string, write func(*bytes.Buffer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r != '\n' && (r < ' ' || r == 0x7f || r == '\u202e' || r == utf8.RuneError) {
			t.Errorf("%s: %q is written as it is", name, r)
		}
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") {
			t.Errorf("%s: a command to a CI system: %s", name, line)
		}
		width := 80
		if strings.HasSuffix(name, ".50") {
			width = 50
		}
		if !strings.HasSuffix(name, ".json") && utf8.RuneCountInString(strings.TrimRight(line, "\n")) > width && len(strings.Fields(line)) > 1 {
			t.Errorf("%s: wider than %d: %s", name, width, line)
		}
	}
	if strings.HasSuffix(name, ".json") && !json.Valid(b.Bytes()) {
		t.Errorf("%s: no JSON", name)
	}
	path := filepath.Join("testdata", name+".golden")
	if *updateDiff {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-update-diff writes it anew):\n%s", name, diff)
	}
}
