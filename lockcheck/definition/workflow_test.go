package definition

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	commit40 = "08c6903cd8c0fde910a37f88322edcfb5dd907a8"
	digest   = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// files returns a checkout.
func files(texts map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range texts {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// lines returns uses as "KIND NAME[@VERSION] PIN FILE:LINE:COLUMN [via VIA]".
func lines(uses []Use) (out []string) {
	for _, u := range uses {
		s := fmt.Sprintf("%s %s", u.Kind, u.FullName())
		if u.Spec != "" {
			s += ":" + u.Spec
		}
		s += fmt.Sprintf(" %s %s:%d:%d", u.Pin, u.File, u.At.Line, u.At.Column)
		if u.Via != "" {
			s += " via " + u.Via
		}
		out = append(out, s)
	}
	return out
}

func equal(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if w := strings.Split(strings.TrimSpace(want), "\n"); !slices.Equal(got, w) && (want != "" || len(got) > 0) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(w, "\n"))
	}
}

const releaseWorkflow = `name: release
on: {push: {tags: ['v*']}, workflow_dispatch: }
permissions: {}
x: &img debian:12
jobs:
  call:
    uses: o/r/.github/workflows/x.yml@main
  again:
    needs: call
    permissions: {contents: read}
    uses: ./.github/workflows/called.yml
  build:
    needs: [call, again]
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-latest, windows-2025]
        include:
        - {os: macos-15, extra: 1}
    container: {image: 'ghcr.io/a/b@` + digest + `'}
    services:
      db: {image: *img}
      cache: {image: '${{ matrix.cache }}'}
    permissions:
      contents: read
      id-token: write
    steps:
    - uses: actions/checkout@` + commit40 + ` # v4
    - uses: actions/cache/save@v4
    - uses: ./.github/actions/local
    - uses: docker://alpine:3@` + digest + `
    - uses: actions/setup-python@v5
      with: {python-version: 3.x}
    - run: echo
    - uses: actions/upload-artifact@v4
      with: {name: dist}
  own:
    runs-on: [self-hosted, linux]
    environment: {name: pypi}
    steps:
    - uses: actions/download-artifact@v4
    - uses: pypa/gh-action-pypi-publish@release/v1
`

func TestWorkflow(t *testing.T) {
	checkout := files(map[string]string{
		".github/workflows/release.yml": releaseWorkflow,
		".github/workflows/called.yml":  "on: workflow_call\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    permissions: write-all\n    steps: [{uses: a/b@v1}]\n",
		".github/workflows/actions.lock": "version: v0.0.2\ndependencies:\n  'actions/cache/save@v4':\n    commit: sha1-" + commit40 + "\n    uses: ['x/y@v3', 'x/z@v1']\n" +
			"  'x/y@v3':\n    commit: sha1-" + commit40 + "\n    uses: ['actions/cache/save@v4']\n",
		".github/actions/local/action.yml": "runs:\n  using: composite\n  steps:\n  - uses: c/d@v1\n  - uses: ./other\n  - run: |\n      echo\n    shell: bash\n",
	})
	f, err := Read(context.Background(), checkout, ".github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	if f.Name != "release" || !slices.Equal(f.Events, []string{"push", "workflow_dispatch"}) {
		t.Errorf("%q %q", f.Name, f.Events)
	}
	const w = ".github/workflows/release.yml"
	equal(t, "call", lines(f.Job("call").Uses), "workflow o/r:main floating "+w+":7:11")
	equal(t, "again", lines(f.Job("again").Uses), `
workflow ./.github/workflows/called.yml checkout `+w+`:11:11
runner runner/ubuntu-24.04 floating .github/workflows/called.yml:4:14 via ./.github/workflows/called.yml
action a/b:v1 floating .github/workflows/called.yml:6:20 via ./.github/workflows/called.yml`)
	if p := f.Job("again").Publishes; len(p) != 0 {
		t.Errorf("%+v: the caller's permissions allow none", p)
	}
	build := f.Job("build")
	equal(t, "build", lines(build.Uses), `
runner runner/ubuntu-latest floating `+w+`:14:14
runner runner/windows-2025 floating `+w+`:14:14
runner runner/macos-15 floating `+w+`:14:14
image ghcr.io/a/b digest `+w+`:20:24
image debian:12 floating `+w+`:4:4
image ${{ matrix.cache }}:${{ matrix.cache }} variable `+w+`:23:22
action actions/checkout commit `+w+`:28:13
action actions/cache:v4 lock `+w+`:29:13
action x/y:v3 lock .github/workflows/actions.lock:6:3 via actions/cache/save@v4
action x/z:v1 floating .github/workflows/actions.lock:3:3 via actions/cache/save@v4
action ./.github/actions/local checkout `+w+`:30:13
action c/d:v1 floating .github/actions/local/action.yml:4:11 via ./.github/actions/local
action ./other checkout .github/actions/local/action.yml:5:11 via ./.github/actions/local
image alpine:3 digest `+w+`:31:13
action actions/setup-python:v5 floating `+w+`:32:13
tool python:3.x floating `+w+`:33:30 via actions/setup-python@v5
action actions/upload-artifact:v4 floating `+w+`:35:13`)
	if len(f.Notes) != 1 || f.Notes[0].Kind != Unread || f.Notes[0].At.Line != 5 {
		t.Errorf("%+v", f.Notes)
	}
	if len(build.Publishes) != 1 || build.Publishes[0].By != "id-token: write" || build.Publishes[0].At.Line != 26 {
		t.Errorf("%+v", build.Publishes)
	}
	own := f.Job("own")
	if own.Environment != "pypi" || len(own.Publishes) != 1 || own.Publishes[0].At != (Position{42, 13}) || own.Uses[0].Pin != Unknown {
		t.Errorf("%+v", own)
	}
	if len(build.Uploads) == 0 || len(own.Downloads) == 0 {
		t.Errorf("build uploads %v, own downloads %v", build.Uploads, own.Downloads)
	}
}

func TestSelect(t *testing.T) {
	checkout := files(map[string]string{
		".github/workflows/a.yml":    "jobs:\n  a: {runs-on: x}\n  b: {runs-on: x}\n",
		".github/workflows/one.yml":  "jobs:\n  a: {runs-on: x}\n",
		".github/workflows/none.yml": "",
		"x.txt":                      "",
	})
	for ref, want := range map[string]string{
		".github/workflows/a.yml":    `".github/workflows/a.yml" defines several jobs, one of which must be named after "#": "a", "b"`,
		".github/workflows/a.yml#c":  `".github/workflows/a.yml" has no job "c"; it has "a", "b"`,
		".github/workflows/none.yml": `".github/workflows/none.yml" defines no job`,
		".github/workflows/no.yml":   "file does not exist",
		"x.txt":                      "not a definition",
		"../Dockerfile":              "not in the checkout",
		".github/workflows/one.yml":  "",
		".github/workflows/a.yml#b":  "",
	} {
		_, err := Select(context.Background(), checkout, ref)
		if err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// TestCheckoutPath checks that an action of a directory is looked for where the job
// checks its repository out, and that one of another repository is not taken for it.
func TestCheckoutPath(t *testing.T) {
	s := selected(t, map[string]string{
		".github/workflows/w.yml": `jobs:
  j:
    runs-on: x
    steps:
    - uses: ./late/act
    - {uses: actions/checkout@v4, with: {path: src/own}}
    - uses: ./src/own/act
    - {uses: actions/checkout@v4, with: {path: late, repository: '${{github.repository}}'}}
    - uses: ./late/act
    - {uses: Actions/Checkout@v4, with: {path: other, repository: o/r}}
    - uses: ./other/act
    - uses: ./otherwise
    - {uses: actions/checkout@v4, with: {path: src}}
    - uses: ./src/own/deep
    - uses: ./src/act
    - {uses: actions/checkout@v4, with: {repository: o/s}}
    - uses: ./act
    - uses: $/act
`,
		"act/action.yml":       "runs: {using: composite, steps: [{uses: a/b@v1}]}\n",
		"deep/action.yml":      "runs: {using: composite, steps: [{uses: c/d@v1}]}\n",
		"otherwise/action.yml": "runs: {using: docker, image: 'docker://e'}\n",
		"other/act/action.yml": "runs: {using: docker, image: 'docker://wrong'}\n",
	}, ".github/workflows/w.yml#j")
	var got []string
	for _, u := range s.Uses {
		if u.Via != "" {
			got = append(got, u.FullName()+" via "+u.Via)
		} else if u.Pin == Unknown && u.Kind == UseAction {
			got = append(got, u.Text+" is unknown")
		}
	}
	equal(t, "uses", got, `
a/b via ./src/own/act
./other/act is unknown
e via ./otherwise
c/d via ./src/own/deep
a/b via ./src/act
./act is unknown
a/b via $/act`)
	equal(t, "notes", details(s.Notes), `
unread "./late/act" is not read: there is no such file in the checkout
unread "./other/act" is not read: it is of the repository "o/r", which an earlier step checks out
unread "./act" is not read: it is of the repository "o/s", which an earlier step checks out`)
}

// TestLockKey: a tag in other letters is another tag.
func TestLockKey(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"Actions/Cache/Save@v4", "actions/cache/save@v4", true},
		{"actions/cache@V4", "actions/cache@v4", false},
		{"actions/cache@Main", "actions/cache@main", false},
	} {
		if got := lockKey(test.a) == lockKey(test.b); got != test.same {
			t.Errorf("%s, %s: %v", test.a, test.b, got)
		}
	}
}
