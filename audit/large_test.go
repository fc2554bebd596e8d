package audit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

// inPieces reads a report by [ReadOutline] and [EachDependency].
func inPieces(text []byte) (*Report, error) {
	r, err := ReadOutline("report", iotest.HalfReader(bytes.NewReader(text)))
	if err != nil {
		return nil, err
	}
	for i := range r.Stages {
		r.Stages[i].Dependencies = []Dependency{}
	}
	return r, EachDependency(bytes.NewReader(text), func(i int, d *Dependency) error {
		r.Stages[i].Dependencies = append(r.Stages[i].Dependencies, *d)
		return nil
	})
}

// realReport is a saved report of a stage with relations and bundled components.
func realReport(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("testdata/build-source.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPieces reads a report in pieces, in whatever form, and finds the same as a reader
// of the whole.
func TestPieces(t *testing.T) {
	text := realReport(t)
	var sorted any
	if err := json.Unmarshal(text, &sorted); err != nil {
		t.Fatal(err)
	}
	bySort, err := json.Marshal(sorted) // the keys of objects are sorted, as jq -S does
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"as written": text, "sorted": bySort} {
		want, err := Parse("report", text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := inPieces(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range want.Stages {
			if len(want.Stages[i].Relations) == 0 || len(want.Stages[i].Dependencies) == 0 {
				t.Fatal("the report has no relations or dependencies")
			}
			want.Stages[i].Relations = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestPiecesWrong changes one thing of a report: it is refused in pieces if and only if
// it is refused whole, for the same reason.
func TestPiecesWrong(t *testing.T) {
	text := realReport(t)
	bundled := func(r *Report) []*Dependency {
		var out []*Dependency
		for i := range r.Stages[0].Dependencies {
			if d := &r.Stages[0].Dependencies[i]; d.Provenance == FromBundled {
				out = append(out, d)
			}
		}
		if len(out) < 2 {
			t.Fatal("the report has no bundled components")
		}
		return out
	}
	for name, change := range map[string]func(*Report){
		"nothing":               func(*Report) {},
		"fewer: one less":       func(r *Report) { r.Stages[0].Dependencies = r.Stages[0].Dependencies[1:] },
		"fewer: none":           func(r *Report) { r.Stages[0].Dependencies = nil },
		"twice":                 func(r *Report) { d := r.Stages[0].Dependencies; d[1] = d[0] },
		"no ID":                 func(r *Report) { r.Stages[0].Dependencies[0].ID = "" },
		"another provenance":    func(r *Report) { r.Stages[0].Dependencies[0].Provenance = FromNowhere },
		"an unknown provenance": func(r *Report) { r.Stages[0].Dependencies[0].Provenance = "magic" },
		"a layer":               func(r *Report) { r.Stages[0].Dependencies[3].Layer = 2 },
		"a layer below":         func(r *Report) { r.Stages[0].Dependencies[3].Layer = -1 },
		"another type":          func(r *Report) { r.Stages[0].Dependencies[0].Type = "rpm" },
		"a relation to nothing": func(r *Report) { r.Stages[0].Relations[2].To = "nothing" },
		"bundled with nothing":  func(r *Report) { bundled(r)[0].Owner = "nothing" },
		"bundled with itself":   func(r *Report) { d := bundled(r)[0]; d.Owner = d.ID },
		"bundled in a circle":   func(r *Report) { d := bundled(r); d[0].Owner, d[1].Owner = d[1].ID, d[0].ID },
		"a finding about nothing": func(r *Report) {
			r.Stages[0].Findings = []Finding{{Rule: "a", Severity: Info, Dependencies: []string{"x"}}}
		},
		"a finding that fails":       func(r *Report) { r.Stages[0].Findings = []Finding{{Rule: "a", Severity: Error}} },
		"a finding of the report":    func(r *Report) { r.Findings = []Finding{{Rule: "a", Severity: Error}} },
		"growth of nothing":          func(r *Report) { r.Stages[0].Growth.Added = []GrowthGroup{{ID: "x"}} },
		"another verdict":            func(r *Report) { r.Verdict = Incomplete },
		"another verdict of a stage": func(r *Report) { r.Stages[0].Verdict = Incomplete },
		"two stages of one name":     func(r *Report) { r.Stages = append(r.Stages, r.Stages[0]) },
		"a stage that is unknown":    func(r *Report) { r.Stages[0].Name = "unknown" },
		"a count":                    func(r *Report) { r.Stages[0].Counts.Total++ },
		"excluded":                   func(r *Report) { r.Stages[0].Counts.Excluded++ },
		"no inputs":                  func(r *Report) { r.Inputs = nil },
		"a newer format":             func(r *Report) { r.Schema = ReportSchema + 1 },
		"no stages":                  func(r *Report) { r.Stages = nil },
		"no relations":               func(r *Report) { r.Stages[0].Relations = nil },
		"a limit that is below zero": func(r *Report) { below := -1; r.Stages[0].Limit, r.Stages[0].Policy = &below, nil },
		"a policy of another limit":  func(r *Report) { other := 7; r.Stages[0].Limit, r.Stages[0].Policy = &other, &Policy{} },
		"a base that is unknown":     func(r *Report) { r.Stages[0].Base = &StageBase{Present: 1} },
		"a gap that is waived":       func(r *Report) { r.Stages[0].Gaps = []Gap{{Gap: sbom.Gap{Kind: "x"}, Waived: &ExceptionRef{}}} },
	} {
		r, err := Parse("report", text)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		changed, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		_, whole := Parse("report", changed)
		_, pieces := inPieces(changed)
		switch {
		case (whole == nil) != (pieces == nil):
			t.Errorf("%s: whole %v, in pieces %v", name, whole, pieces)
		case whole == nil:
			t.Logf("%s: accepted", name)
		default:
			reason := func(err error) string { return err.Error()[strings.LastIndex(err.Error(), ": ")+2:] }
			// Relations are checked when they are read, and not after the counts.
			if reason(whole) != reason(pieces) && !strings.HasPrefix(name, "fewer: ") {
				t.Errorf("%s: whole %v, in pieces %v", name, whole, pieces)
			}
		}
	}
}

// TestPiecesText has texts that are no reports, and some of which a reader of the whole
// takes for one.
func TestPiecesText(t *testing.T) {
	text := string(realReport(t))
	for _, test := range []struct{ text, want string }{
		{"", "report:1: unexpected EOF"},
		{"[]", `report:1: "[" where a report has an object`},
		{"null", `report:1: "<nil>" where a report has an object`},
		{`{"schema": 1, "stages": {}}`, `report:1: "{" where a report has a list`},
		{`{"schema": 1, "stages": [7]}`, `report:1: "7" where a report has an object`},
		{text[:len(text)/2], "unexpected EOF"},
		{text + "{}", "something follows the report"},
		{text + " \n", ""},
		{strings.Replace(text, `"schema"`, `"Schema"`, 1), `report:2: unknown field "Schema"`},
		{strings.Replace(text, `"relations"`, `"Relations"`, 1), `unknown field "Relations"`},
		{strings.Replace(text, `"foundBy"`, `"foundby2"`, 1), `unknown field "foundby2"`},
		{strings.Replace(text, `"verdict"`, `"schema": 1, "verdict"`, 1), `the key "schema" is in one object twice`},
		{strings.Replace(text, `"relations"`, `"dependencies": [], "relations"`, 1), `the key "dependencies" is in one object twice`},
		{strings.Replace(text, `"dependencies": [`, "\"dependencies\": [\n7,", 1), "a number where the format has an object"},
		{strings.Replace(text, `"rules": `, `"rules": "a`, 1), "invalid character"},
	} {
		_, err := inPieces([]byte(test.text))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q: %v, and not %q", test.text, err, test.want)
		}
	}
}

// repeated is a text between two others, many times.
func repeated(before, text string, times int, after string) io.Reader {
	return strings.NewReader(before + strings.Repeat(text, times) + after)
}

// TestPiecesLimits has more of everything than is held.
func TestPiecesLimits(t *testing.T) {
	kilobyte := strings.Repeat("a", 1<<10)
	objects := strings.Repeat("{},", 100)
	for name, in := range map[string]io.Reader{
		"a value of 4 MiB":        repeated(`{"stages":[{"dependencies":[{"id":"`, kilobyte, 5<<10, `"}]}]}`),
		"a key":                   repeated(`{"`, kilobyte, 5<<10, `":1}`),
		"a name":                  repeated(`{"stages":[{"name":"`, kilobyte, 25<<10, `"}]}`),
		"findings":                repeated(`{"stages":[{"findings":[`, objects, 2_000, `{}]}]}`),
		"findings of the report":  repeated(`{"findings":[`, objects, 2_000, `{}]}`),
		"IDs":                     repeated(`{"stages":[{"findings":[{"dependencies":[`, strings.Repeat(`"",`, 100), 10_000, `""]}]}]}`),
		"many stages with a list": repeated(`{"stages":[`, `{"verdict":"incomplete","gaps":[`+objects+`{}]},`, 2_000, `{}]}`),
		"space":                   repeated(`{"stages":`, strings.Repeat("\t", 1<<10), 6<<10, `[]}`),
	} {
		_, err := ReadOutline("report", in)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
