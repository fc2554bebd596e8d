package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const nasty = "evil|`x`</td><!-- @octocat #123 \x1b[2J\u202egnp.exe::error::boom\n::warning::[x](http://example.com) ##[error]*_~"

func goldens() map[string]*audit.Report {
	shrunk := buildSource()
	shrunk.Counts.Total, shrunk.Counts.Lock = 157, 39
	shrunk.Growth.Removed = []audit.Accepted{{Key: "pypi/idna", Version: "3.6", ID: "pypi/idna@3.6"}, {Key: "pypi/tomli", Version: "2.0.1", ID: "pypi/tomli@2.0.1"}}
	shrunk.Growth.Changed = []audit.VersionChange{{Key: "pypi/certifi", From: "2024.2.2", To: "2024.7.4"}}
	empty := audit.Stage{Name: "publish", Critical: true, Environment: "dir:build/publish", Verdict: audit.Fail,
		Findings: []audit.Finding{{Rule: "implausible", Severity: audit.Error, Message: "nothing at all was found in dir:build/publish, which is hardly right",
			Fix: "check that dir:build/publish is the root of a file system"}}}
	return map[string]*audit.Report{
		"pass":     newReport("cpython-release", audit.Pass, buildSource()),
		"passes":   newReport("cpython-release", audit.Pass, buildSource(), shrunk),
		"growth":   newReport("cpython-release", audit.Fail, grownBuildSource()),
		"pipeline": pipeline(),
		"gaps":     newReport("cpython-release", audit.Incomplete, testSource()),
		"unpinned": newReport("cpython-release", audit.Pass, buildDocs()),
		"many":     newReport("cpython-release", audit.Fail, manyAdded()),
		"hostile":  hostile(nasty),
		"scan":     scan(),
		"wide":     wide(),
		"empty":    newReport("cpython-release", audit.Fail, empty),
		"image":    newReport("cpython-release", audit.Fail, image()),
		"mixed":    newReport("cpython-release", audit.Fail, image(), fromSBOM(), withWaiver()),
		"sbom":     sbomScan(),
		"excepted": exceptedReport(),
		"verified": newReport("cpython-release", audit.Fail, verified()),
	}
}

func TestGolden(t *testing.T) {
	for name, r := range goldens() {
		for _, width := range []int{60, 80, 120} {
			golden(t, fmt.Sprintf("%s.%d", name, width), "table", r, Options{Width: width, Cut: width == 60})
		}
		golden(t, name+".md", "markdown", r, Options{})
	}
	golden(t, "growth.color", "table", goldens()["growth"], Options{Color: true})
	golden(t, "growth.json", "json", newReport("p", audit.Fail, audit.Stage{Name: nasty, Verdict: audit.Fail}), Options{})
	for _, width := range []int{60, 80, 120} {
		golden(t, fmt.Sprintf("scan-all.%d", width), "table", scan(), Options{Width: width, Show: []string{"all"}})
		golden(t, fmt.Sprintf("growth-lists.%d", width), "table", newReport("cpython-release", audit.Fail, grownBuildSource()),
			Options{Width: width, Show: []string{"growth", "bundled", "excluded", "locks"}})
	}
	for _, width := range []int{60, 80, 120} {
		golden(t, fmt.Sprintf("image-lists.%d", width), "table", newReport("cpython-release", audit.Fail, image(), fromSBOM(), withWaiver()),
			Options{Width: width, Show: []string{"growth", "layers", "gaps", "limitations"}})
	}
	golden(t, "verified-lists", "table", newReport("cpython-release", audit.Fail, verified()), Options{Width: 120, Show: []string{"changed", "unexplained", "indexes"}})
	golden(t, "excepted-lists", "table", exceptedReport(), Options{Width: 120, Show: []string{"exceptions"}})
	golden(t, "scan-all.md", "markdown", scan(), Options{Show: []string{"all"}})
}

func golden(t *testing.T, name, format string, r *audit.Report, o Options) {
	t.Run(name, func(t *testing.T) {
		got := render(t, format, r, o)
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, got, 0o666); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s differs (-want +got), -update writes it anew:\n%s", path, diff)
		}
		if again := render(t, format, r, o); !bytes.Equal(again, got) {
			t.Error("the same report was rendered to other bytes the second time")
		}
	})
}

func render(t testing.TB, format string, r *audit.Report, o Options) []byte {
	t.Helper()
	at := slices.IndexFunc(Formats(), func(f Format) bool { return f.Name == format })
	if at < 0 {
		t.Fatalf("no format %s", format)
	}
	f := Formats()[at]
	var b bytes.Buffer
	if err := f.Render(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
