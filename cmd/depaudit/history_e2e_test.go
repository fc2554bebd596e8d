package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// pictureCheck is a page that measures the texts of a picture, as wide as a README on a
// screen and on a phone, and writes what is wrong into its title.
const pictureCheck = `<!doctype html><title>not run</title><iframe id="wide" width="880" height="900" frameborder="0" srcdoc="%[1]s"></iframe>
<iframe id="phone" width="400" height="500" frameborder="0" srcdoc="%[1]s"></iframe>
<script>addEventListener('load',()=>{const bad=[];let seen=0
for(const frame of document.querySelectorAll('iframe')){const doc=frame.contentDocument,all=doc.querySelector('svg').getBoundingClientRect()
const texts=[...doc.querySelectorAll('text')].map(e=>({t:e.textContent,b:e.getBoundingClientRect()})).filter(e=>e.b.width>0)
seen+=texts.length
if(texts.length<4)bad.push(frame.id+' has '+texts.length+' texts')
texts.forEach((a,i)=>{if(a.b.left<all.left||a.b.right>all.right||a.b.top<all.top||a.b.bottom>all.bottom)bad.push(frame.id+' cuts '+a.t)
texts.slice(i+1).forEach(b=>{if(Math.min(a.b.right,b.b.right)-Math.max(a.b.left,b.b.left)>0&&Math.min(a.b.bottom,b.b.bottom)-Math.max(a.b.top,b.b.top)>2.5)bad.push(frame.id+': '+a.t+' is on '+b.t)})})}
document.title=bad.length?bad.join('; '):'ok, '+seen+' texts'})</script>`

// TestHistoryInBrowser looks at the pictures of histories in a real browser: no text is
// on another one or cut, on a screen and on a phone, and the colours follow the system.
func TestHistoryInBrowser(t *testing.T) {
	endToEnd(t)
	list, err := filepath.Glob(filepath.Join(moduleRoot, "audit/query/testdata/history-*.svg"))
	if err != nil || len(list) < 5 {
		t.Fatal("no pictures:", err)
	}
	docs, err := filepath.Glob(filepath.Join(moduleRoot, "docs/history*.svg"))
	if err != nil {
		t.Fatal(err)
	}
	b := newChromium(t)
	check := func(t *testing.T, svg string) string {
		page := filepath.Join(t.TempDir(), "check.html")
		inside := `<!doctype html><body style="margin:0"><style>svg{display:block;width:100%;height:auto}</style>` + svg
		if err := os.WriteFile(page, fmt.Appendf(nil, pictureCheck, html.EscapeString(inside)), 0o666); err != nil {
			t.Fatal(err)
		}
		p := b.open(t, page, view{width: 1000, height: 1600})
		defer p.close()
		var title string
		p.eval(`document.title`, &title)
		return title
	}
	for _, file := range append(list, docs...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := check(t, string(data)); !strings.HasPrefix(got, "ok, ") {
				t.Error(got)
			}
		})
	}
	data, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	// The check sees a text that is over another one, and one that is cut.
	for _, x := range []string{"10", "870"} {
		bad := strings.Replace(string(data), `<g class="wide"`, `<text x="`+x+`" y="19">Dependencies</text><g class="wide"`, 1)
		if got := check(t, bad); strings.HasPrefix(got, "ok") || !strings.Contains(got, "Dependencies") {
			t.Errorf("a bad text at %s is not noticed: %s", x, got)
		}
	}

	// As GitHub shows it: within <img>, where no script of a page reaches it.
	for _, dark := range []bool{false, true} {
		for _, width := range []int{880, 400} {
			name := fmt.Sprintf("dark=%v, %d wide", dark, width)
			page := filepath.Join(t.TempDir(), "img.html")
			body := fmt.Sprintf(`<!doctype html><body style="margin:0"><img style="display:block" width="%d" src="data:image/svg+xml;base64,%s">`, width, base64.StdEncoding.EncodeToString(data))
			if err := os.WriteFile(page, []byte(body), 0o666); err != nil {
				t.Fatal(err)
			}
			p := b.open(t, page, view{width: 880, height: 700, dark: dark})
			picture, _, err := image.Decode(bytes.NewReader(p.picture()))
			p.close()
			if err != nil {
				t.Fatal(err)
			}
			background, line := color.RGBA{0xff, 0xff, 0xff, 0xff}, color.RGBA{0x09, 0x69, 0xda, 0xff}
			if dark {
				background, line = color.RGBA{0x0d, 0x11, 0x17, 0xff}, color.RGBA{0x44, 0x93, 0xf8, 0xff}
			}
			if got := picture.At(3, 3); color.RGBAModel.Convert(got) != background {
				t.Errorf("%s: the background is %v", name, got)
			}
			drawn := 0
			for y := range picture.Bounds().Dy() {
				for x := range width {
					if color.RGBAModel.Convert(picture.At(x, y)) == line {
						drawn++
					}
				}
			}
			if drawn < 100 {
				t.Errorf("%s: %d points have the colour of the first line", name, drawn)
			}
		}
	}
}

// installLock has the root's own pip install what a lock has, and remove what only the
// one before had: ROOT WHEELS LOCK [BEFORE]. It is what testdata/cpython/build-roots.sh
// does for one lock.
const installLock = `
mkdir "$1/tmp/pip"
cp -r "$2" "$1/tmp/pip/wheels"
cp "$3" "$1/tmp/pip/requirements.txt"
in_root() {
	chroot "$ROOT" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/root LC_ALL=C.UTF-8 PIP_ROOT_USER_ACTION=ignore PIP_BREAK_SYSTEM_PACKAGES=1 \
		SOURCE_DATE_EPOCH=1713139200 python3 -m pip --quiet "$@"
}
ROOT=$1
names() { grep -o '^[a-z0-9-]*==' "$1" | tr -d = | sort; }
if [ -n "$4" ]; then
	comm -13 <(names "$3") <(names "$4") | while read -r gone; do in_root uninstall --yes "$gone"; done
fi
in_root install --no-cache-dir --no-index --find-links /tmp/pip/wheels --require-hashes --no-deps -r /tmp/pip/requirements.txt
rm -r "$1/tmp/pip"
`

// TestHistoryOfCPython makes the releases of which docs/history.svg is the picture: for
// each release of Python 3.13, the locked packages of its release job, installed by pip
// into the real roots. The number of the source stage is that of dpkg and of the lock.
// -update-docs writes the picture.
func TestHistoryOfCPython(t *testing.T) {
	roots := realRoots(t)
	if os.Geteuid() != 0 {
		t.Skip("the pip of a root file system runs as root")
	}
	data, err := os.ReadFile(filepath.Join(moduleRoot, "testdata/cpython/locks.txtar"))
	makeWheels, absErr := filepath.Abs(filepath.Join(moduleRoot, "testdata/cpython/make-wheels.py"))
	if err := cmp.Or(err, absErr); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	depaudit := func(want []int, args ...string) string {
		t.Helper()
		out, errs, code := program(t, dir, args...)
		if !slices.Contains(want, code) {
			t.Fatalf("depaudit %q: exit code %d\n%s", args, code, errs)
		}
		return out
	}
	stages := map[string]string{"build-source": "build-source", "build-docs": "build-docs-small"}
	for stage, root := range stages {
		run("cp", "-a", filepath.Join(roots, root), filepath.Join(dir, stage))
	}
	config := `pipeline: cpython-release
baseline: baseline.json
stages:
  - name: build-source
    environment: dir:build-source
    critical: true
    limit: 170
    locks: [requirements.txt]
  - name: build-docs
    environment: dir:build-docs
    locks: [requirements.txt]
`
	if err := os.WriteFile(filepath.Join(dir, "depaudit.yaml"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	before := ""
	locked := map[string]int{}
	for _, f := range txtar.Parse(data).Files {
		version, date, _ := strings.Cut(f.Name, " ")
		date, _, _ = strings.Cut(date, " ")
		locked[version] = bytes.Count(f.Data, []byte("=="))
		list, lock := filepath.Join(dir, version+".in"), filepath.Join(dir, version+".txt")
		if err := os.WriteFile(list, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
		wheels := filepath.Join(dir, "wheels-"+version)
		run("python3", makeWheels, "--out", wheels, "--lock", lock, list)
		for stage := range stages {
			run("bash", "-euo", "pipefail", "-c", installLock, "install", filepath.Join(dir, stage), wheels, lock, before)
		}
		run("cp", lock, "requirements.txt")
		if before == "" {
			depaudit([]int{exitPass}, "baseline", "update", "-q", "--reason", "the first release after the split")
		}
		before = lock
		depaudit([]int{exitPass, exitFail}, "audit", "-q", "-o", "json=report.json")
		depaudit([]int{exitPass, exitFail}, "release", "report.json", "-o", "releases/"+version, "--date", date)
		depaudit([]int{exitPass}, "baseline", "update", "-q", "--from", "report.json", "--reason", "released")
	}

	// 118 packages of Debian, as dpkg-query counts them, and those of the lock.
	csv := strings.Split(depaudit([]int{exitPass}, "history", "releases", "--stage", "build-source", "-o", "csv"), "\n")
	if len(csv) != len(locked)+2 {
		t.Fatalf("%d lines for %d releases:\n%s", len(csv), len(locked), strings.Join(csv, "\n"))
	}
	for _, line := range csv[1 : len(csv)-1] {
		cells := strings.Split(line, ",")
		if got, want := cells[7], fmt.Sprint(118+locked[cells[0]]); got != want {
			t.Errorf("%s has %s dependencies, want %s", cells[0], got, want)
		}
	}
	made := depaudit([]int{exitPass}, "history", "releases", "-o", "svg", "-o", "json=history.json")
	picture := filepath.Join(moduleRoot, "docs/history.svg")
	numbers, err := os.ReadFile(filepath.Join(dir, "history.json"))
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(moduleRoot, "audit/query/testdata/history-cpython.json")
	if *updateDocs {
		if err := cmp.Or(os.WriteFile(picture, []byte(made), 0o644), os.WriteFile(kept, numbers, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for file, got := range map[string]string{picture: made, kept: string(numbers)} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: -want +got (-update-docs writes it):\n%s", file, diff)
		}
	}
}
