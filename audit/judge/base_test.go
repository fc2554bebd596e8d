package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
)

const pinnedRef = "registry:e.org/base@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// randomBase is a part of the components of a stage, some of them changed,
// and some that the stage has not.
func randomBase(t *testing.T, rng *rand.Rand, d sbom.Document, ref string) *Base {
	t.Helper()
	base := sbom.Document{Environment: sbom.Environment{Ref: ref, Kind: audit.EnvironmentKind(ref)}, Catalogers: d.Catalogers}
	for _, c := range d.Components {
		if rng.IntN(2) == 0 {
			continue
		}
		c.Owner = ""
		if rng.IntN(4) == 0 && c.Version != "" {
			c.Version += ".1"
		}
		base.Components = append(base.Components, c)
	}
	base.Components = append(base.Components, randomComponent(rng, "onlybase"))
	if rng.IntN(5) == 0 {
		base.Gaps = []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/root", Detail: "denied"}}
	}
	base.Environment.Image.Layers = []sbom.Layer{{DiffID: "a"}, {DiffID: "b"}}
	return &Base{Ref: ref, Document: mustNew(t, base)}
}

func TestBaseProperties(t *testing.T) {
	schema := compileSchema(t, "report.schema.json")
	one := 1
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		d, locks := randomStage(t, rng)
		d.Environment.Ref, d.Environment.Kind = "registry:e.org/b", "registry"
		d.Environment.Image.Layers = []sbom.Layer{{DiffID: "a"}, {DiffID: "b"}, {DiffID: "c"}}
		for i := range d.Components {
			d.Components[i].Layer = rng.IntN(5)
			d.Components[i].Fingerprint = "sha256:x"
		}
		ref := []string{pinnedRef, "registry:e.org/base:12", "snapshot:b", "dir:b", "sbom:b"}[rng.IntN(5)]
		stage := config.Stage{Name: "s", Environment: "registry:e.org/b", Base: ref, Critical: true, Minimum: &one,
			Waive: []config.Waiver{{Path: "/root", Reason: "r", Owner: "o", Expires: "2030-01-01"}}}
		in := Input{Stage: stage, Document: mustNew(t, d), Locks: locks, Base: randomBase(t, rng, d, ref)}
		in.Base.Claimed = rng.IntN(5) == 0
		c := &config.Config{File: "f", Stages: []config.Stage{stage}}
		base, err := (*baseline.Baseline)(nil).With(Pipeline(c, []Input{in}, nil, audit.Tool{}, today).Stages[0], "")
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if base, err = baseline.Parse("f", base.Encode()); err != nil {
			t.Fatal(err)
		}
		r := Pipeline(c, []Input{in}, base, audit.Tool{}, today)
		sameUpdate(t, c, []Input{in}, base, r, marshal(t, r))
		if err := r.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		data := marshal(t, r)
		validate(t, schema, data)
		checkSums(t, r)
		if back, err := audit.Read(bytes.NewReader(data)); err != nil || !bytes.Equal(marshal(t, back), data) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		s := r.Stages[0]
		if g := s.Growth; len(g.IDs())+len(g.Removed)+len(g.Changed)+len(g.Weaker)+len(g.Base.Added)+len(g.Base.Removed)+len(g.Base.Changed) > 0 {
			t.Fatalf("seed %d: differs from the baseline that was made of it: %+v %+v", seed, g, g.Base)
		}
		if bytes.Contains(data, []byte(`"fingerprint"`)) {
			t.Fatalf("seed %d: a stamp, which has times in it, is in the report", seed)
		}

		// One more component, of the stage's own layer: always growth.
		extra := randomComponent(rng, "extra")
		extra.Layer = 3
		more := d
		more.Components = append(slices.Clone(more.Components), extra)
		grown := in
		grown.Document = mustNew(t, more)
		worse := Pipeline(c, []Input{grown}, base, audit.Tool{}, today)
		sameUpdate(t, c, []Input{grown}, base, worse, marshal(t, worse))
		if worse.Verdict != audit.Fail || !slices.Contains(worse.Stages[0].Growth.IDs(), sbom.Identity(&extra)) {
			t.Fatalf("seed %d: what the stage adds is no growth: %+v", seed, worse.Stages[0].Growth)
		}

		// The same in the base as well: it is told, and under a base that is
		// not trusted it is growth as before.
		extra.Layer = 1
		extra.Fingerprint = "sha256:x"
		more.Components[len(more.Components)-1] = extra
		grown.Document = mustNew(t, more)
		theirs := *in.Base.Document
		theirs.Components = append(slices.Clone(theirs.Components), extra)
		grown.Base = &Base{Ref: ref, Document: mustNew(t, theirs), Claimed: in.Base.Claimed}
		report := Pipeline(c, []Input{grown}, base, audit.Tool{}, today)
		s = report.Stages[0]
		id := sbom.Identity(&extra)
		trusted := ref != "registry:e.org/base:12" && !in.Base.Claimed
		if slices.Contains(s.Growth.IDs(), id) == trusted || slices.Contains(s.Growth.Base.Added, id) != trusted {
			t.Fatalf("seed %d, %s claimed %t: growth %v, of the base %v", seed, ref, in.Base.Claimed, s.Growth.IDs(), s.Growth.Base.Added)
		}
		if !trusted && report.Verdict != audit.Fail {
			t.Fatalf("seed %d: something new passes by being told to be the base's", seed)
		}
	}
}

// TestBaselineOfABase shows the lines, that growth of the base needs no
// reason, and that leaving it does.
func TestBaselineOfABase(t *testing.T) {
	stage := func(inventory, base string, b *baseline.Baseline) audit.Stage {
		t.Helper()
		one := 1
		c := &config.Config{Stages: []config.Stage{{Name: "s", Environment: "dir:x", Base: "snapshot:b", Critical: true, Minimum: &one}}}
		doc, _ := parseInventory(t, "dir:x", inventory)
		in := Input{Stage: c.Stages[0], Document: doc, Base: parseBase(t, "snapshot:b", base)}
		return Pipeline(c, []Input{in}, b, audit.Tool{}, today).Stages[0]
	}
	first, err := (*baseline.Baseline)(nil).With(stage("os a 1\nos b 2\nos c 1", "os a 1\nos b 1", nil), "")
	if err != nil {
		t.Fatal(err)
	}
	const want = `
        {"key": "deb/debian/a?arch=amd64", "version": "1", "provenance": "image", "evidence": "snapshot"},
        {"key": "deb/debian/b?arch=amd64", "version": "2", "provenance": "os", "evidence": "db-owned", "base": true},
        {"key": "deb/debian/c?arch=amd64", "version": "1", "provenance": "os", "evidence": "db-owned"}
`
	if !strings.Contains(string(first.Encode()), want) {
		t.Errorf("%s\nwant%s", first.Encode(), want)
	}
	validate(t, compileSchema(t, "baseline.schema.json"), first.Encode())
	for _, tt := range []struct {
		name, inventory, base string
		reason                bool
	}{
		{"the base grows", "os a 1\nos b 2\nos c 1\nos d 1", "os a 1\nos b 1\nos d 1", false},
		{"the stage grows", "os a 1\nos b 2\nos c 1\nos d 1", "os a 1\nos b 1", true},
		{"a leaves the base", "os a 1\nos b 2\nos c 1", "os b 1", true},
		{"the upgraded one does", "os a 1\nos b 2\nos c 1", "os a 1", true},
		{"c joins the base", "os a 1\nos b 2\nos c 1", "os a 1\nos b 1\nos c 1", false},
	} {
		now := stage(tt.inventory, tt.base, first)
		_, err := first.With(now, "")
		if errors.Is(err, baseline.ErrReason) != tt.reason || !tt.reason && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if grows := len(now.Growth.IDs()) > 0; grows != tt.reason {
			t.Errorf("%s: growth is %t, and a reason is needed: %t", tt.name, grows, tt.reason)
		}
		next, err := first.With(now, "why")
		if err != nil {
			t.Fatal(err)
		}
		if d := first.Diff(next); len(d) != 1 {
			t.Errorf("%s: no difference to a reviewer: %+v", tt.name, d)
		}
	}
}

// TestGapKindsAreKnown compares the waivable and the unwaivable kinds of gaps
// with those of package sbom and of the schema.
func TestGapKindsAreKnown(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../sbom/document.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := append(audit.WaivableGaps(), audit.UnwaivableGaps()...)
	found := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if typ, named := n.(*ast.ValueSpec); !ok || !named || fmt.Sprint(typ.Type) != "GapKind" {
			return true
		}
		found++
		if kind, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value); err != nil || !slices.Contains(known, sbom.GapKind(kind)) {
			t.Errorf("%s is neither among the gaps that can be waived nor among the others", v.Names[0])
		}
		return true
	})
	if found < 5 {
		t.Fatalf("only %d kinds of gaps in package sbom", found)
	}
	data, err := os.ReadFile("../../docs/depaudit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Waiver struct {
				Properties struct{ Kind struct{ Enum []sbom.GapKind } }
			}
			Stage struct {
				Properties struct {
					Accept struct {
						Items struct{ Enum []sbom.LimitationName }
					}
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(audit.WaivableGaps(), schema.Defs.Waiver.Properties.Kind.Enum); diff != "" {
		t.Errorf("kinds of gaps (-parser +schema)\n%s", diff)
	}
	if diff := cmp.Diff(sbom.LimitationNames(), schema.Defs.Stage.Properties.Accept.Items.Enum); diff != "" {
		t.Errorf("limitations (-parser +schema)\n%s", diff)
	}
}

// TestEnvironmentWarns checks that the report of one environment warns about the
// base and lists the limitations, and passes.
func TestEnvironmentWarns(t *testing.T) {
	doc, _ := parseInventory(t, "sbom:x", "pkg pypi/x@1\nlimitation paths p")
	r := Environment(Input{Stage: config.Stage{Name: "sbom:x", Environment: "sbom:x"}, Document: doc, Base: parseBase(t, "registry:e.org/b:1", "image x\n@1 pkg pypi/x@1")}, audit.Tool{})
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, f := range r.Stages[0].Findings {
		got = append(got, string(f.Severity)+" "+f.Rule)
	}
	if want := []string{"warning base-not-pinned", "info limitation"}; r.Verdict != audit.Pass || !slices.Equal(got, want) {
		t.Errorf("%s %v, want %v", r.Verdict, got, want)
	}
	if s := r.Stages[0]; !s.FromDocument() || s.Base.Present != 1 || s.Base.Added != 0 || s.Counts.Image != 1 {
		t.Errorf("%+v %+v", s.Base, s.Counts)
	}
}

// TestUntrustedStrings checks that strings of images and documents are unchanged
// in the report and in an SBOM that is made from it.
func TestUntrustedStrings(t *testing.T) {
	for _, s := range []string{"\xff", "a\nb::error::\x1b[2J\u202e", "`rm -rf /`", strings.Repeat("x", 1<<16)} {
		doc := mustNew(t, sbom.Document{
			Environment: sbom.Environment{Ref: "registry:e.org/b", Kind: "registry", Image: sbom.Image{
				Digest: s, Platform: s, BaseName: s, BaseDigest: s, Layers: []sbom.Layer{{Digest: s, DiffID: "a", CreatedBy: s}},
			}},
			Components:  []sbom.Component{{Kind: sbom.KindOS, Type: "deb", Name: "a", Version: "1", Layer: 1, Evidence: s}, {Kind: sbom.KindOS, Type: "deb", Name: "b", Version: "1", Layer: 7}},
			Limitations: []sbom.Limitation{{Name: sbom.LimitationName(s), Detail: s}},
			Gaps:        []sbom.Gap{{Kind: sbom.GapUnreadable, Path: s, Detail: s}},
		})
		in := Input{Stage: config.Stage{Name: "s", Environment: "registry:e.org/b", Critical: true}, Document: doc, Base: &Base{Ref: "registry:" + s, Document: doc, Claimed: true}}
		for _, lost := range []error{nil, errors.New(s)} {
			in.Base.Lost = lost
			c := &config.Config{Stages: []config.Stage{in.Stage}}
			for _, r := range []*audit.Report{Pipeline(c, []Input{in}, nil, audit.Tool{}, today), Environment(in, audit.Tool{})} {
				if err := r.Validate(); err != nil {
					t.Fatal(err)
				}
				data := marshal(t, r)
				validate(t, compileSchema(t, "report.schema.json"), data)
				back, err := audit.Read(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(r.Stages[0].Image, back.Stages[0].Image); diff != "" {
					t.Error(diff)
				}
				d, _, err := back.Stages[0].Document()
				if err != nil {
					t.Fatal(err)
				}
				if d.Components[0].Layer != 1 || d.Components[1].Layer != 0 || len(d.Environment.Image.Layers) != 1 || len(d.Limitations) != 1 || d.Components[0].Evidence != sbom.ValidText(s) {
					t.Errorf("the document of the report lost something: %+v", d)
				}
			}
		}
	}
}

// TestBaseFiles compares the files of components with the same identity in base
// and stage.
func TestBaseFiles(t *testing.T) {
	bash := sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "bash", Version: "5.2-1", Arch: "amd64", PURL: "pkg:deb/debian/bash@5.2-1", Layer: 1}
	document := func(ref string, layers ...string) *sbom.Document {
		d := sbom.Document{Environment: sbom.Environment{Ref: ref, Kind: audit.EnvironmentKind(ref)}, Components: []sbom.Component{bash}}
		for _, l := range layers {
			d.Environment.Image.Layers = append(d.Environment.Image.Layers, sbom.Layer{DiffID: l})
		}
		return mustNew(t, d)
	}
	id := document("dir:root").Components[0].ID
	proof := func(p audit.ComponentProof) *audit.Proof {
		p.ID = id
		return &audit.Proof{Components: []audit.ComponentProof{p}}
	}
	one, two := "blake3:"+strings.Repeat("1", 64), "blake3:"+strings.Repeat("2", 64)
	for name, test := range map[string]struct {
		image       bool
		base, stage *audit.Proof
		changed     string
	}{
		"not verified":           {},
		"only the stage":         {stage: proof(audit.ComponentProof{Content: one})},
		"only the base":          {base: proof(audit.ComponentProof{Content: one})},
		"the same":               {base: proof(audit.ComponentProof{Content: one}), stage: proof(audit.ComponentProof{Content: one})},
		"other files":            {base: proof(audit.ComponentProof{Content: one}), stage: proof(audit.ComponentProof{Content: two}), changed: "its files are not those of the base (blake3:222222222222, and blake3:111111111111 there)"},
		"a layer of the base":    {image: true, stage: proof(audit.ComponentProof{Layer: 1, LayerFile: "/bin/bash"})},
		"a layer of the stage":   {image: true, stage: proof(audit.ComponentProof{Layer: 2, LayerFile: "/bin/bash"}), changed: "layer 2 of the stage changes /bin/bash"},
		"an image, not verified": {image: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Stage: config.Stage{Name: "s", Environment: "dir:root"}, Document: document("dir:root"), Proof: test.stage,
				Base: &Base{Ref: "snapshot:b", Document: document("dir:root"), Proof: test.base}}
			if test.image {
				in.Stage.Environment, in.Document = "registry:e.org/b", document("registry:e.org/b", "a", "b")
				in.Base.Ref, in.Base.Document = pinnedRef, document(pinnedRef, "a")
			}
			b := compareBase(in)
			c := &in.Document.Components[0]
			if b == nil || b.problem != "" {
				t.Fatalf("%+v", b)
			}
			if got := b.changed(c, &in.Base.Document.Components[0]); got != test.changed {
				t.Errorf("changed: %q, want %q", got, test.changed)
			}
			if b.has(c) != (test.changed == "") {
				t.Errorf("the base has it: %v", b.has(c))
			}
			in.Stage.Critical = true
			stage := Pipeline(&config.Config{File: "f", Stages: []config.Stage{in.Stage}}, []Input{in}, nil, audit.Tool{}, today).Stages[0]
			message := ""
			for _, f := range stage.Findings {
				if f.Rule == audit.RuleBaseChanged.ID {
					message = string(f.Severity) + " " + f.Message
				}
			}
			want := ""
			if test.changed != "" {
				want = "error the stage changes files of 1 dependency of its base: bash 5.2-1: " + test.changed
			}
			if message != want {
				t.Errorf("finding %q, want %q", message, want)
			}
		})
	}
}
