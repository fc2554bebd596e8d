package bundle

import (
	"slices"
	"testing"
)

// TestOtherTwofold checks that files of another version that say two things are found:
// what one reader sees follows from the report, and what another one sees does not.
func TestOtherTwofold(t *testing.T) {
	private, public := testKey(t)
	files := otherRelease(t)
	for what, test := range map[string]struct{ file, old, new string }{
		"page: the verdict in a comment":              {PageFile, `<h1><b class="pass">✓ PASS</b> app</h1>`, `<!-- <h1>PASS</h1> --><h1>FAIL</h1>`},
		"page: the verdict in a template":             {PageFile, `<h1><b class="pass">✓ PASS</b> app</h1>`, `<template><h1>PASS</h1></template><h1>FAIL</h1>`},
		"page: the verdict in a title":                {PageFile, `<title>✓ PASS app</title>`, `<title><h1>PASS</h1></title><h1>FAIL</h1>`},
		"page: two verdicts":                          {PageFile, `<h1><b class="pass">✓ PASS</b> app</h1>`, `<h1>PASS</h1><h1>FAIL</h1>`},
		"page: a stage twice":                         {PageFile, `<tr class="b">`, `<tr><th>build<td>PASS<td>1<td></tr><tr class="b">`},
		"page: a stage in a comment":                  {PageFile, `<tr><th scope="row"><a href="#stage-1">build</a>`, `<!-- <tr><th>build<td>PASS<td>5<td> --><tr><th scope="row"><a href="#stage-1">build 2</a>`},
		"page: a stage that is none":                  {PageFile, `<tr class="b">`, `<tr><th>deploy<td>PASS<td>1<td></tr><tr class="b">`},
		"tables: the verdict in a comment":            {TableFile, "## PASS `app`", "<!--\n## PASS `app`\n-->\n## FAIL `app`"},
		"tables: the verdict in a comment in a line":  {TableFile, "## PASS `app`", "a <!--\n## PASS `app`\n-->\n## FAIL `app`"},
		"tables: a stage in a comment":                {TableFile, "| `build` | PASS | 5 |", "<!--\n| `build` | PASS | 5 | \n-->\n| `build` | PASS | 4 |"},
		"tables: a stage twice":                       {TableFile, "| `build` | PASS | 5 |", "| `build` | PASS | 4 |\n| `build` | PASS | 5 |"},
		"tables: two verdicts":                        {TableFile, "## PASS `app`", "## PASS `app`\n## FAIL `app`"},
		"CycloneDX: components twice":                 {"build.cdx.json", "\n  \"components\": [", "\n" + `  "components": [{"type": "library", "name": "evil", "version": "1"}], "components": [`},
		"CycloneDX: components in another case":       {"build.cdx.json", "\n  \"components\": [", "\n" + `  "components": [{"type": "library", "name": "evil", "version": "1"}], "Components": [`},
		"CycloneDX: a name twice":                     {"build.cdx.json", `"name": "zlib1g"`, `"name": "evil", "Name": "zlib1g"`},
		"CycloneDX: below the system":                 {"build.cdx.json", "\n  \"components\": [", "\n" + `  "components": [{"type": "operating-system", "name": "x", "components": [{"type": "library", "name": "evil", "version": "1"}]},`},
		"CycloneDX: a component of the described one": {"build.cdx.json", `"component": {`, `"component": {"components": [{"type": "library", "name": "evil", "version": "1"}],`},
		"SPDX: packages twice":                        {"docs.spdx.json", `"packages": [`, `"Packages": [], "packages": [`},
		"SPDX: a package called the environment":      {"docs.spdx.json", `"packages": [`, `"packages": [{"SPDXID": "SPDXRef-Environment", "name": "evil", "versionInfo": "1", "downloadLocation": "NOASSERTION"},`},
		"test results: the result twice":              {testResults, `"result": "WARNED"`, `"result": "PASSED", "Result": "WARNED"`},
		"statement: another type of predicate":        {"svr.intoto.json", `"predicateType":`, `"predicateType": "https://slsa.dev/provenance/v1", "PredicateType":`},
		"report: the verdict twice":                   {ReportFile, `"verdict": "pass"`, `"verdict": "fail", "verdict": "pass"`},
		"report: the verdict in another case":         {ReportFile, `"verdict": "pass"`, `"verdict": "fail", "Verdict": "pass"`},
	} {
		t.Run(what, func(t *testing.T) {
			changed := rewritten(t, files, private, func(_ *Manifest, f map[string][]byte) {
				f[test.file] = replaced(t, f[test.file], test.old, test.new)
			})
			res := Verify(t.Context(), changed, testTool, public, nil)
			switch {
			case slices.Contains(res.Alike, test.file):
				t.Error("it is said to have the content of the report")
			case test.file == PageFile || test.file == TableFile: // a browser decides what is shown
				if len(res.Problems) == 0 && !slices.Contains(res.Unread, test.file) {
					t.Error("nothing is said of it")
				}
			case !slices.ContainsFunc(res.Problems, func(p Problem) bool { return p.File == test.file }):
				t.Errorf("%+v", []Problem(res.Problems))
			}
			if res.Signed != 6 {
				t.Errorf("the test did not sign it: %d", res.Signed)
			}
		})
	}
}
