package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// reportPage is a page and the report that it shows.
type reportPage struct {
	path   string
	report *audit.Report
}

// reportPages makes the pages that are opened in a browser, each from a report that
// the command makes of an environment, by name.
func reportPages(t *testing.T) map[string]reportPage {
	t.Helper()
	t.Setenv("TODAY", "2024-04-15")
	dir := t.TempDir()
	pages := map[string]reportPage{}
	make := func(name, in string, want int, args ...string) {
		t.Helper()
		page, saved := filepath.Join(dir, name+".html"), filepath.Join(dir, name+".json")
		if _, errs, code := program(t, in, append(args, "-o", "html="+page, "-o", "json="+saved)...); code != want {
			t.Fatalf("%s: exit code %d, want %d: %s", name, code, want, errs)
		}
		r, err := audit.Read(strings.NewReader(read1(t, saved)))
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = reportPage{page, r}
	}
	make("cpython", filepath.Join(moduleRoot, "testdata/cpython/example"), exitPass, "audit")
	make("one stage", filepath.Join(moduleRoot, "testdata/cpython/example"), exitPass, "audit", "--stage", "build-source")

	all := filepath.Join(dir, "all")
	everyPart(t, all)
	if _, errs, code := program(t, all, "audit", "--stage", "build-source", "--stage", "lost", "--stage", "bought", "-o", "json=part.json"); code != exitFail {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	make("every part", all, exitFail, "report", "part.json")
	if _, errs, code := program(t, all, "audit", "--stage", "bought", "-o", "json=bought.json"); code != exitPass {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	make("incomplete", all, exitIncomplete, "report", "bought.json")

	hostile := filepath.Join(dir, "hostile")
	hostileRoot(t, filepath.Join(hostile, "root"))
	make("hostile", hostile, exitIncomplete, "scan", "dir:root", "--show", "all")

	large := filepath.Join(dir, "large")
	largeRoot(t, filepath.Join(large, "root"), 0, 3000)
	make("large", large, exitPass, "scan", "dir:root")
	return pages
}

// everyPart makes a checkout whose report has every part of a page: a failed stage
// with growth, weaker evidence, an exception, changed files, programs of no package
// and something that left; one with a gap; an SBOM with limitations; and one that
// nothing reports.
func everyPart(t *testing.T, dir string) {
	t.Helper()
	example := filepath.Join(moduleRoot, "testdata/cpython/example")
	if err := os.CopyFS(filepath.Join(dir, "root"), os.DirFS(filepath.Join(example, "build-source"))); err != nil {
		t.Fatal(err)
	}
	const site = "root/usr/local/lib/python3.11/dist-packages/"
	status := read1(t, filepath.Join(dir, "root/var/lib/dpkg/status"))
	for name, more := range map[string]string{"gdb": "Depends: libipt2, libbabeltrace1\n", "libipt2": "", "libbabeltrace1": ""} {
		status += "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: A <a@example.org>\nVersion: 13.1-3\n" + more + "Description: test\n\n"
		writeFiles(t, dir, map[string]string{"root/var/lib/dpkg/info/" + name + ".list": "/.\n/usr\n/usr/bin\n/usr/bin/" + name + "\n", "root/usr/bin/" + name: "#!/bin/sh\n"})
	}
	accepted := read1(t, filepath.Join(example, "depaudit.baseline.json"))
	at := strings.Index(accepted, `"build-source": {`)
	if at < 0 {
		t.Fatal("no build-source in the baseline")
	}
	rest := strings.Replace(accepted[at:], `"key": "deb/debian/apt?arch=amd64", "version": "`, `"key": "deb/debian/abcde?arch=all", "version": "2.9.3-2", "provenance": "os", "evidence": "db-owned"},
        {"key": "deb/debian/apt?arch=amd64", "version": "1`, 1)
	config := `pipeline: every part
exceptions:
  - purl: pkg:pypi/tool-a
    reason: needed until the port is done
    owner: release-team@example.org
    added: 2023-10-01
    expires: 2024-12-31
stages:
  - name: build-source
    environment: dir:root
    definition: .github/workflows/release.yml#build
    critical: true
    locks: [requirements.txt]
    limit: 160
    message: Ask in the release channel.
  - {name: lost, environment: "dir:lost"}
  - {name: bought, environment: "sbom:bought.cdx.json"}
  - {name: publish, environment: "dir:publish", critical: true}
`
	writeFiles(t, dir, map[string]string{
		"depaudit.yaml":                         config,
		"depaudit.baseline.json":                accepted[:at] + rest,
		"requirements.txt":                      read1(t, filepath.Join(example, "requirements.txt")),
		".github/workflows/release.yml":         "on: push\njobs:\n  build:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n      - run: pip install twine\n",
		"root/var/lib/dpkg/status":              status,
		site + "tool_a.py":                      "",
		site + "tool_a-1.0.dist-info/METADATA":  "Metadata-Version: 2.1\nName: tool-a\nVersion: 1.0\n",
		site + "tool_a-1.0.dist-info/INSTALLER": "pip\n",
		site + "tool_a-1.0.dist-info/RECORD":    "tool_a.py,,\ntool_a-1.0.dist-info/METADATA,,\ntool_a-1.0.dist-info/INSTALLER,,\ntool_a-1.0.dist-info/RECORD,,\n",
		site + "idna/__init__.py":               "import os\n",
		"lost/etc/os-release":                   "ID=debian\n",
		"lost/var/lib/dpkg/status":              "Package: a\nStatus: install ok installed\nVersion: 1",
		"bought.cdx.json":                       `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","bom-ref":"a","name":"left-pad","version":"1.3.0","purl":"pkg:npm/left-pad@1.3.0"}]}`,
	})
	if err := os.MkdirAll(filepath.Join(dir, "root/opt/signer"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "root/opt/signer/sign"), []byte("#!/bin/sh\n"), 0o777); err != nil {
		t.Fatal(err)
	}
}

// hostileNames are names that try to be something else in a page.
func hostileNames() map[string]string {
	return map[string]string{
		"title":     `</title></style></script><script>document.title='evil'</script>`,
		"picture":   `"><img src=http://evil.example/1 onerror="document.title='evil'">`,
		"attribute": `' onload='document.title="evil"' x='`,
		"bare":      `x onmouseover=document.title='evil' tabindex=0 autofocus onfocus=document.title='evil'`,
		"svg":       `<svg onload=document.title='evil'><use href=http://evil.example/2#x>`,
		"svg text":  `</text></svg><script>document.title='evil'</script><svg>`,
		"link":      `javascript:document.title='evil'`,
		"style":     `</style><style>@import url(http://evil.example/3);*{background:url(http://evil.example/4)}`,
		"refresh":   `<meta http-equiv=refresh content="0;url=http://evil.example/5">`,
		"frame":     `<iframe srcdoc="<script>parent.document.title='evil'</script>"></iframe>`,
		"form":      `<form action=http://evil.example/6><button autofocus>`,
		"base":      `<base href=http://evil.example/>`,
		"template":  `{{alert(1)}}${alert(1)}<!--`,
		"close":     `]]>--><![CDATA[`,
		"bidi":      "a\u202eevil\u2066\u200f",
		"line":      "a\u2028document.title='evil'\u2029b\u0085c\nd\re",
		"control":   "a\x00\x1b[31mb\x7f\u009b",
		"combining": "a" + strings.Repeat("\u0301", 500),
		"entity":    `&lt;script&gt;&#x22;&amp;`,
		"long":      strings.Repeat("unbreakable", 1000),
		"option":    `</option></select><script>document.title='evil'</script>`,
		"clobber":   `<a id=stage-1-evidence name=document><input name=querySelectorAll>`,
		"prototype": "__proto__",
	}
}

// hostileRoot makes an environment with hostile names wherever one is: in its
// system, its packages, their versions and its files.
func hostileRoot(t *testing.T, dir string) {
	t.Helper()
	files := map[string]string{"etc/os-release": "ID=debian\nPRETTY_NAME=\"<img src=http://evil.example/os onerror=alert(1)>\"\n"}
	names := hostileNames()
	number := 0
	for kind, name := range names {
		number++
		manifest, err := json.Marshal(map[string]string{"name": name, "version": name})
		if err != nil {
			t.Fatal(err)
		}
		files[fmt.Sprintf("srv/app/node_modules/p%d/package.json", number)] = string(manifest)
		if kind == "control" {
			continue // no file has NUL in its name
		}
		for part := range strings.SplitSeq(name[:min(len(name), 200)], "/") {
			if part != "" {
				files["usr/local/bin/"+part] = "#!/bin/sh\n"
			}
		}
	}
	maps.Copy(files, map[string]string{"usr/local/bin/invalid\xff\xfe<script>": "#!/bin/sh\n", "opt/x\xc0\xaf/bin/tool": "#!/bin/sh\n"})
	writeFiles(t, dir, files)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o777)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// largeRoot makes a Debian root with n packages, of which each tenth is explicit
// and needs the nine that follow.
func largeRoot(t *testing.T, dir string, first, n int) {
	t.Helper()
	var status, states strings.Builder
	files := map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"}
	for i := range n {
		name := fmt.Sprintf("package-%04d", first+i)
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nInstalled-Size: %d\nMaintainer: A <a@example.org>\nVersion: 1.%d-1\n", name, 1+i*7919%5000, i)
		if i%10 == 0 {
			var needs []string
			for j := i + 1; j < min(i+10, n); j++ {
				needs = append(needs, fmt.Sprintf("package-%04d", first+j))
			}
			fmt.Fprintf(&status, "Depends: %s\n", strings.Join(needs, ", "))
		} else {
			fmt.Fprintf(&states, "Package: %s\nArchitecture: amd64\nAuto-Installed: 1\n\n", name)
		}
		status.WriteString("Description: test\n\n")
		files["var/lib/dpkg/info/"+name+".list"] = "/.\n"
	}
	files["var/lib/dpkg/status"], files["var/lib/apt/extended_states"] = status.String(), states.String()
	writeFiles(t, dir, files)
}
