package judge

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

var update = flag.Bool("update", false, "write the wanted outcomes in testdata/judge anew")

// today is the day of every audit in these tests.
const today = "2026-11-23"

// TestJudge runs the cases in testdata/judge. Each is an archive with a
// configuration, lock files, the inventory of each stage in the notation of
// parseInventory, optionally the inventory from which a baseline is made
// first ("before/STAGE") by another configuration ("before.yaml") or on another day
// ("before.day"), the inventory of each base ("base/STAGE" and
// "before-base/STAGE"), and what the report then says ("want").
func TestJudge(t *testing.T) {
	files, err := filepath.Glob("testdata/judge/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	schema := compileSchema(t, "report.schema.json")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			file, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			r := runArchive(t, archive)
			if err := r.Validate(); err != nil {
				t.Error(err)
			}
			data := marshal(t, r)
			validate(t, schema, data)
			if back, err := audit.Read(bytes.NewReader(data)); err != nil {
				t.Error(err)
			} else if again := marshal(t, back); !bytes.Equal(again, data) {
				t.Errorf("the report is another one after it was read back:\n%s", gocmp.Diff(string(data), string(again)))
			}
			checkSums(t, r)
			got := transcript(r)
			if *update {
				for i, f := range archive.Files {
					if f.Name == "want" {
						archive.Files[i].Data = []byte(got)
					}
				}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := gocmp.Diff(section(archive, "want"), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// runArchive makes the baseline, if there is one to make, and judges.
func runArchive(t *testing.T, a *txtar.Archive) *audit.Report {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	c, err := config.Load("depaudit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	was := c
	if section(a, "before.yaml") != "" {
		if was, err = config.Load("before.yaml"); err != nil {
			t.Fatal(err)
		}
	}
	var base *baseline.Baseline
	var before, now []Input
	for _, s := range c.Stages {
		in := Input{Stage: s}
		for _, file := range s.LockFiles {
			lock, err := lockcheck.Open(t.Context(), file.Path)
			if err != nil {
				t.Fatal(err)
			}
			in.Locks = append(in.Locks, lock.Governing(file.For))
		}
		if text := section(a, "before/"+s.Name); text != "" {
			in.Document, in.Lost = parseInventory(t, s.Environment, text)
			in.Base = parseBase(t, s.Base, section(a, "before-base/"+s.Name))
			before = append(before, in)
		}
		if text := section(a, "now/"+s.Name); text != "" {
			in.Document, in.Lost = parseInventory(t, s.Environment, text)
			in.Base = parseBase(t, s.Base, section(a, "base/"+s.Name))
			now = append(now, in)
		}
	}
	tool := audit.Tool{Name: "depaudit", Version: "test", Catalogers: "syft v1.54.1"}
	if len(before) > 0 {
		for _, s := range Pipeline(was, before, nil, tool, cmp.Or(strings.TrimSpace(section(a, "before.day")), today)).Stages {
			if base, err = base.With(s, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := Pipeline(c, now, base, tool, today)
	sameUpdate(t, c, now, base, r, marshal(t, r))
	sameMerged(t, c, now, base, r)
	return r
}

// parseBase makes a base of an inventory, nil of none. A first line
// "claims REF" is for a base that only the image names.
func parseBase(t *testing.T, ref, text string) *Base {
	t.Helper()
	if text == "" {
		return nil
	}
	b := &Base{Ref: ref}
	if rest, ok := strings.CutPrefix(text, "claims "); ok {
		b.Ref, text, _ = strings.Cut(rest, "\n")
		b.Claimed = true
	}
	b.Document, b.Lost = parseInventory(t, b.Ref, text)
	return b
}

// parseInventory makes a document of lines:
//
//	debian                        the environment is Debian with dpkg
//	debian -                      ... without a package database
//	base 20                       OS packages base01 to base20
//	os gdb 13.1-3 explicit        an OS package, with its install reason
//	os gdb 13.1-3 foreign         ... with other evidence than db-owned
//	pkg pypi/six@1.16.0 [PATH]    a language package
//	vcs pypi/six@1.16.0           the same, from version control
//	files PATH NAME VERSION       files that no package accounts for
//	bundled OWNER pypi/six@1.16.0 [PATH]  a package inside the one with that ID
//	FROM -> TO                    FROM needs TO, by name of OS packages
//	gap KIND PATH DETAIL
//	notice KIND PATH [ID]
//	cache PATH COUNT
//	image DIFFID...               the environment is an image with these layers
//	@2 LINE                       the component of that line is from layer 2
//	fingerprint TEXT              the files of the line before have that content
//	limitation NAME DETAIL
//	catalogers NAME
//	lost TEXT                     there is no result
func parseInventory(t *testing.T, ref, text string) (*sbom.Document, error) {
	t.Helper()
	d := sbom.Document{Environment: sbom.Environment{Ref: ref, Kind: audit.EnvironmentKind(ref)}, Catalogers: "syft v1.54.1"}
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		layer, known := 0, len(d.Components)
		if n, ok := strings.CutPrefix(w[0], "@"); ok {
			fmt.Sscan(n, &layer)
			w = w[1:]
		}
		word := func(i int) string {
			if i < len(w) {
				return w[i]
			}
			return ""
		}
		switch {
		case word(1) == "->":
			d.Relations = append(d.Relations, sbom.Relation{From: osID(d, w[0]), To: osID(d, w[2]), Kind: sbom.RelDepends})
		case w[0] == "debian":
			d.Environment.OS = sbom.OS{ID: "debian", VersionID: "12", Pretty: "Debian GNU/Linux 12 (bookworm)"}
			d.Environment.PackageDB = word(1)
			switch word(1) {
			case "":
				d.Environment.PackageDB = "dpkg"
			case "-":
				d.Environment.PackageDB = ""
			}
		case w[0] == "base":
			var n int
			fmt.Sscan(w[1], &n)
			for i := range n {
				d.Components = append(d.Components, osPackage(fmt.Sprintf("base%02d", i+1), "1.0", "essential"))
			}
		case w[0] == "os":
			d.Components = append(d.Components, osPackage(w[1], w[2], w[3:]...))
		case w[0] == "pkg", w[0] == "vcs":
			c := langPackage(w[1], "")
			if !strings.HasPrefix(word(2), "h1:") && word(2) != "" {
				c.Paths = []string{word(2)}
			}
			c.Digests = proved(w)
			if w[0] == "vcs" {
				c.Install = &sbom.Install{Kind: sbom.InstallVCS, URL: "https://git.example.org/" + c.Name}
			}
			d.Components = append(d.Components, c)
		case w[0] == "bundled":
			c := langPackage(w[2], "")
			if strings.HasPrefix(word(3), "/") {
				c.Paths = []string{word(3)}
			}
			c.Owner, c.Digests = w[1], proved(w)
			d.Components = append(d.Components, c)
		case w[0] == "files":
			d.Components = append(d.Components, sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: w[2], Version: word(3), PURL: "pkg:generic/" + w[2], Paths: []string{w[1]}, Files: 7})
		case w[0] == "gap":
			d.Gaps = append(d.Gaps, sbom.Gap{Kind: sbom.GapKind(w[1]), Path: w[2], Detail: strings.Join(w[3:], " ")})
		case w[0] == "notice":
			d.Notices = append(d.Notices, sbom.Notice{Kind: sbom.NoticeKind(w[1]), Path: w[2], Component: word(3), Detail: "seen"})
		case w[0] == "cache":
			var n int
			fmt.Sscan(w[2], &n)
			d.Excluded = append(d.Excluded, sbom.Exclusion{Path: w[1], Reason: sbom.ExcludedCache, Count: n})
		case w[0] == "image":
			d.Environment.Image = sbom.Image{Digest: "sha256:" + strings.Repeat("d", 64), Platform: "linux/amd64"}
			for i, id := range w[1:] {
				d.Environment.Image.Layers = append(d.Environment.Image.Layers, sbom.Layer{DiffID: id, CreatedBy: fmt.Sprintf("RUN step %d", i+1)})
			}
		case w[0] == "fingerprint":
			d.Components[known-1].Fingerprint = w[1]
		case w[0] == "limitation":
			d.Limitations = append(d.Limitations, sbom.Limitation{Name: sbom.LimitationName(w[1]), Detail: strings.Join(w[2:], " ")})
		case w[0] == "catalogers":
			d.Catalogers = strings.Join(w[1:], " ")
		case w[0] == "lost":
			return nil, errors.New(strings.Join(w[1:], " "))
		default:
			t.Fatalf("inventory: what is %q?", line)
		}
		for i := known; i < len(d.Components); i++ {
			d.Components[i].Layer = layer
		}
	}
	doc, err := sbom.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return doc, nil
}

func osID(d sbom.Document, name string) string {
	for _, c := range d.Components {
		if c.Name == name {
			return sbom.Identity(&c)
		}
	}
	return name
}

func osPackage(name, version string, more ...string) sbom.Component {
	c := sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: name, Version: version, Arch: "amd64",
		PURL: "pkg:deb/debian/" + name + "@" + version + "?arch=amd64", Evidence: "db-owned"}
	for _, m := range more {
		switch m {
		case "explicit", "dependency", "essential":
			c.InstallReason = sbom.InstallReason(m)
		default:
			c.Evidence = m
		}
	}
	return c
}

func langPackage(id, path string) sbom.Component {
	typ, rest, _ := strings.Cut(id, "/")
	name, version, _ := strings.Cut(rest, "@")
	if path == "" {
		path = "/venv/" + name
	}
	return sbom.Component{Kind: sbom.KindPackage, Type: typ, Name: name, Version: version, PURL: "pkg:" + id, Paths: []string{path}}
}

// proved are the digests among the words of a line, as a Go program has them.
func proved(words []string) []sbom.Digest {
	var out []sbom.Digest
	for _, w := range words {
		if value, ok := strings.CutPrefix(w, "h1:"); ok {
			out = append(out, sbom.Digest{Algorithm: "h1", Value: value, Proved: true, File: "/bin/x"})
		}
	}
	return out
}

// transcript is a report as the cases want it: what was decided, in words.
func transcript(r *audit.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, exit %d\n", r.Verdict, r.ExitCode())
	for _, s := range r.Stages {
		c := s.Counts
		fmt.Fprintf(&b, "%s %s: %d = os %d + lock %d + image %d + exception %d + unaccounted %d; inside %d, excluded %d\n",
			s.Verdict, s.Name, c.Total, c.OS, c.Lock, c.Image, c.Exception, c.Unaccounted, c.Bundled, c.Excluded)
		if x := s.Base; x != nil {
			fmt.Fprintf(&b, "  base %s known %t layers %d: %d = present %d + gone %d + other %d; added %d\n",
				x.Ref, x.Known, x.Layers, x.Dependencies, x.Present, x.Gone, x.Dependencies-x.Present-x.Gone, x.Added)
		}
		for _, l := range s.Limitations {
			fmt.Fprintf(&b, "  cannot show %s (%s) accepted %t\n", l.Name, l.Detail, l.Accepted)
		}
		for _, g := range s.Growth.Added {
			fmt.Fprintf(&b, "  + %s because %q brings %v shared by %v needed by %v\n", g.ID, g.Because, g.Introduces, g.SharedBy, g.NeededBy)
		}
		for _, e := range s.Growth.Removed {
			fmt.Fprintf(&b, "  - %s (%s)\n", e.ID, e.PURL)
		}
		for _, x := range s.Growth.Changed {
			fmt.Fprintf(&b, "  ~ %s %s to %s\n", x.Key, x.From, x.To)
		}
		if g := s.Growth.Base; g != nil {
			fmt.Fprintf(&b, "  of the base: baseline %d, added %v, removed %v, changed %v, to the stage %v, to the base %v\n",
				g.Baseline, g.Added, growth.IDs(g.Removed), g.Changed, g.ToStage, g.ToBase)
		}
		for _, w := range s.Growth.Weaker {
			fmt.Fprintf(&b, "  ! %s %v to %v\n", w.ID, w.From, w.To)
		}
		for _, d := range s.Dependencies {
			if d.Replaces != "" {
				fmt.Fprintf(&b, "  = %s %s for %s\n", d.ID, d.Provenance, d.Replaces)
			}
			if d.Provenance == audit.FromImage {
				fmt.Fprintf(&b, "  b %s %s layer %d\n", d.ID, d.Evidence, d.Layer)
			}
			if d.Why != nil {
				fmt.Fprintf(&b, "  ? %s %s: %s\n", d.ID, d.Provenance, d.Why.Code)
			}
		}
		for _, x := range s.Exceptions {
			fmt.Fprintf(&b, "  x %s age %d, left %d, %v", x.Subject(), x.Age, x.Left, x.Excuses)
			for _, covered := range slices.Concat(x.Dependencies, x.Paths) {
				b.WriteString(" " + covered)
			}
			b.WriteString("\n")
		}
		for _, f := range s.Findings {
			writeFinding(&b, "  ", f)
		}
		for _, g := range s.Gaps {
			if g.Waived != nil {
				fmt.Fprintf(&b, "  waived until %s: %s\n", g.Waived.Expires, g.Waived.Reason)
			}
			fmt.Fprintf(&b, "  gap %s %s %s\n", g.Kind, g.Path, g.Detail)
		}
	}
	for _, f := range r.Findings {
		writeFinding(&b, "", f)
	}
	return b.String()
}

func writeFinding(b *strings.Builder, indent string, f audit.Finding) {
	fmt.Fprintf(b, "%s%s %s: %s\n", indent, f.Severity, f.Rule, f.Message)
	for _, line := range []struct{ label, text string }{
		{"path", strings.Join(f.Paths, " ")}, {"about", strings.Join(f.Dependencies, " ")}, {"fix", f.Fix}, {"accept", f.Accept},
	} {
		if line.text != "" {
			fmt.Fprintf(b, "%s    %-6s %s\n", indent, line.label, line.text)
		}
	}
}

// checkSums compares the counts with the list.
func checkSums(t *testing.T, r *audit.Report) {
	t.Helper()
	for _, s := range r.Stages {
		c := s.Counts
		if c.Total != c.OS+c.Lock+c.Image+c.Exception+c.Unaccounted {
			t.Errorf("stage %s: total is no sum: %+v", s.Name, c)
		}
		if c.Total+c.Bundled != len(s.Dependencies) {
			t.Errorf("stage %s: %d dependencies are listed for %+v", s.Name, len(s.Dependencies), c)
		}
	}
}
