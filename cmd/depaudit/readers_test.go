package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/sbomread"
	"github.com/depaudit/depaudit/sbom/snapshot"
	"github.com/depaudit/depaudit/sbom/spdx"
)

// ownReport is a saved report of a real stage.
func ownReport(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("../../audit/testdata/build-source.json.gz")
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

// TestReadersAreStrict checks every reader of JSON that depaudit writes and reads back as
// an input: what jq, a browser or another language could read in another way is refused,
// with the place. The rows of an export and its journal are in the tests of their package.
func TestReadersAreStrict(t *testing.T) {
	report, err := audit.Parse("report", ownReport(t))
	if err != nil {
		t.Fatal(err)
	}
	const tool = "v1.0.0"
	files, err := bundle.Files(report, bundle.Manifest{Tool: tool, Date: time.Unix(1_700_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) []byte {
		if files[name] == nil {
			t.Fatalf("a release has no %s", name)
		}
		return files[name]
	}
	const cdx, spdx2, results = "build-source.cdx.json", "build-source.spdx.json", "test-result.intoto.json"
	doc, err := cyclonedx.Read(t.Context(), file(cdx), cyclonedx.JSON, cdx)
	if err != nil {
		t.Fatal(err)
	}
	var snap, graph bytes.Buffer
	if err := snapshot.Write(&snap, &snapshot.Snapshot{Document: doc}); err != nil {
		t.Fatal(err)
	}
	if err := spdx.EncodeGraph(&graph, doc, sbom.Meta{}); err != nil {
		t.Fatal(err)
	}
	// An SBOM of depaudit that was changed is read as that of a third party: with a gap.
	unchanged := func(d *sbom.Document, err error) error {
		if err == nil {
			for _, g := range d.Gaps {
				if g.Kind == sbom.GapMalformed && strings.Contains(g.Detail, "was changed since") {
					return errChangedSBOM
				}
			}
		}
		return err
	}
	any := func(ctx context.Context, data []byte) error {
		return unchanged(sbomread.Read(ctx, bytes.NewReader(data), "sbom"))
	}
	for _, c := range []struct {
		name string
		text []byte
		read func(context.Context, []byte) error
	}{
		{"report", file(bundle.ReportFile), func(_ context.Context, data []byte) error {
			_, err := audit.Parse("report", data)
			return err
		}},
		{"report in pieces", file(bundle.ReportFile), func(_ context.Context, data []byte) error {
			_, err := audit.ReadOutline("report", bytes.NewReader(data))
			return err
		}},
		{"manifest of a release", file(bundle.ManifestFile), func(_ context.Context, data []byte) error {
			_, err := bundle.ReadManifest(data)
			return err
		}},
		{"statement of a release", file(results), func(ctx context.Context, data []byte) error {
			changed := map[string][]byte{}
			for name, have := range files {
				changed[name] = have
			}
			changed[results] = data
			changed[bundle.SumsFile] = bundle.Sums(changed)
			problems := bundle.Verify(ctx, changed, tool, nil, nil).Problems
			if i := slices.IndexFunc(problems, func(p bundle.Problem) bool { return p.File == results }); i >= 0 {
				return problems[i:]
			}
			return nil
		}},
		{"baseline", []byte(`{"baseline": 1, "stages": {"build": {"rules": 1, "catalogers": "1", "reason": "first", "dependencies": []}}}`), func(_ context.Context, data []byte) error {
			_, err := baseline.Parse("baseline", data)
			return err
		}},
		{"snapshot", snap.Bytes(), func(_ context.Context, data []byte) error {
			_, err := snapshot.Read(bytes.NewReader(data))
			return err
		}},
		{"CycloneDX", file(cdx), any},
		{"SPDX", file(spdx2), any},
		{"SPDX 3.0.1", graph.Bytes(), any},
		{"statement with CycloneDX", file("build-source.cdx.intoto.json"), any},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := c.read(t.Context(), c.text); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			for what, changed := range ambiguous(t, string(c.text)) {
				err := c.read(t.Context(), []byte(changed))
				switch {
				case err == nil:
					t.Errorf("%s: it is accepted", what)
				case err != errChangedSBOM && !placeForm.MatchString(err.Error()) && !otherKind.MatchString(err.Error()):
					t.Errorf("%s: no place: %v", what, err)
				}
			}
		})
	}
}

var (
	errChangedSBOM = errors.New("it was changed since")
	placeForm      = regexp.MustCompile(`:\d+:\d+: |:\d+: |line \d+, column \d+|cut off after \d+ bytes`)
	// otherKind are errors for what is taken for another kind of file, or compared to the byte.
	otherKind = regexp.MustCompile(`not a snapshot|no known SBOM format|is not what the report says`)
	keyForm   = regexp.MustCompile(`"[A-Za-z0-9@_]+":`)
	textForm  = regexp.MustCompile(`": ?"[a-zA-Z]`)
)

// ambiguous returns variants of a text of JSON that two readers can read as two things, or
// that one of them does not read.
func ambiguous(t *testing.T, text string) map[string]string {
	keys := keyForm.FindAllStringIndex(text, -1)
	if len(keys) < 3 {
		t.Fatalf("%d keys in %.200s", len(keys), text)
	}
	texts := textForm.FindAllStringIndex(text, -1)
	first, last, inText := keys[0], keys[len(keys)-1], texts[len(texts)/2][1]
	at := last[0]
	return map[string]string{
		"a key twice":                 text[:at] + text[at:last[1]] + " null, " + text[at:],
		"the first key twice":         text[:first[1]] + " null, " + text[first[0]:],
		"a key twice, with an escape": text[:first[0]] + fmt.Sprintf(`"\u%04x`, text[first[0]+1]) + text[first[0]+2:first[1]] + " null, " + text[first[0]:],
		"other letters":               text[:at] + strings.ToUpper(text[at:last[1]]) + text[last[1]:],
		"the first in other letters":  text[:first[0]] + strings.ToUpper(text[first[0]:first[1]]) + text[first[1]:],
		"half of a pair":              text[:inText] + `\ud800` + text[inText:],
		"a byte that is none":         text[:at+1] + "\xff" + text[at+1:],
		"another byte that is none":   text[:inText] + "\xc3" + text[inText:],
		"more behind":                 text + "{}",
		"cut":                         text[:at],
	}
}
