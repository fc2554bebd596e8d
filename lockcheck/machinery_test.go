package lockcheck

import (
	"slices"
	"strings"
	"testing"
)

const commit40 = "08c6903cd8c0fde910a37f88322edcfb5dd907a8"

// TestMachinery checks what each kind of definition names: entries with what pins
// them, and notes about what can change.
func TestMachinery(t *testing.T) {
	digest := "sha256:" + shaA
	for name, tt := range map[string]struct {
		file, text string
		want       []string // TYPE NAME VERSION:LINE
		notes      []string // KIND:LINE
	}{
		"workflow": {".github/workflows/release.yaml", `on: push
x: &img debian:12
jobs:
  call:
    uses: o/r/.github/workflows/x.yml@main
  build:
    runs-on: ubuntu-latest
    container: {image: 'ghcr.io/a/b@` + digest + `'}
    services:
      db: {image: *img}
      cache: {image: '${{ matrix.cache }}'}
    steps:
    - uses: actions/checkout@` + commit40 + ` # v4
    - uses: actions/cache/save@v4
    - uses: ./local
    - uses: docker://alpine:3@` + digest + `
    - run: echo
`, []string{"github o/r :5", "docker ghcr.io/a/b " + digest + ":8", "docker debian :2", "docker ${{ matrix.cache }} :11", "github actions/checkout " + commit40 + ":13", "github actions/cache :14", "docker alpine " + digest + ":16"},
			[]string{"floating:5", "floating:2", "variable:11", "floating:14"}},
		"action":        {"action.yml", "runs:\n  using: composite\n  steps:\n  - uses: a/b@v1\n", []string{"github a/b :4"}, []string{"floating:4"}},
		"docker action": {"x/action.yaml", "runs:\n  using: docker\n  image: docker://gcr.io/p/i:1\n", []string{"docker gcr.io/p/i :3"}, []string{"floating:3"}},
		"actions.lock":  {"actions.lock", "version: v0.0.2\nworkflows:\n  a.yml: ['a/b@v1']\ndependencies:\n  'a/b/sub@v1':\n    ref: refs/tags/v1\n    commit: sha1-" + commit40 + "\n", []string{"github a/b " + commit40 + ":5"}, nil},
		"pre-commit": {".pre-commit-config.yaml", "repos:\n- repo: https://github.com/psf/black\n  rev: 24.1.0\n  hooks: [{id: black, additional_dependencies: ['x==1']}]\n- repo: https://gitlab.com/a/b.git\n  rev: " + commit40 + "\n  hooks: []\n- repo: local\n  hooks: []\n",
			[]string{"github psf/black :2", "generic gitlab.com/a/b " + commit40 + ":5"}, []string{"floating:4", "floating:2"}},
		"compose": {"compose.yaml", "services:\n  a: {image: 'postgres:16'}\n  b: {image: made, build: .}\n  c:\n    build: {additional_contexts: {base: 'docker-image://busybox@" + digest + "'}}\n  d: {image: '${IMAGE:-x}'}\n",
			[]string{"docker postgres :2", "docker busybox " + digest + ":5", "docker ${IMAGE:-x} :6"}, []string{"floating:2", "variable:6"}},
		"devcontainer": {".devcontainer/devcontainer.json", "{\n // base\n \"image\": \"mcr.microsoft.com/devcontainers/base:1\",\n \"features\": {\n  \"ghcr.io/devcontainers/features/node:1\": {},\n  \"./mine\": {},\n },\n}\n",
			[]string{"docker mcr.microsoft.com/devcontainers/base :3", "devcontainer ghcr.io/devcontainers/features/node :5"}, []string{"floating:3", "floating:5"}},
		"dockerfile": {"Dockerfile", "# syntax=docker/dockerfile:1@" + digest + "\n# escape=`\nARG BASE=debian:12 X\nFROM $BASE AS Base\nRUN apt-get `\n# comment\n\n  install x\nRUN <<EOF cat \"<<A\" <<-\"E2\"\nFROM not/read\nEOF\n\tE2\nFROM --platform=linux/amd64 localhost:5000/a@" + digest + " AS two\nCOPY --from=base /a /b\nCOPY --from=0 /a /b\ncopy --from=nginx:1 /a /b\nRUN --mount=type=bind,from=golang:1.22,target=/x --mount=type=cache,target=/y true\nADD --checksum=sha256:" + shaA + " https://example.org/a.tgz /a\nADD https://example.org/b.tgz /a\nADD https://github.com/o/r.git#" + commit40 + " /r\nONBUILD ADD http://example.org/c /c\nFROM scratch\nFROM two\nFROM ${NONE}\n",
			[]string{"docker docker/dockerfile " + digest + ":1", "docker debian :4", "docker localhost:5000/a " + digest + ":13", "docker nginx :16", "docker golang :17", "generic a.tgz " + digest + ":18", "generic b.tgz :19", "generic r.git " + commit40 + ":20", "generic c :21", "docker ${NONE} :24"},
			[]string{"variable:4", "floating:4", "floating:16", "floating:17", "floating:19", "floating:21", "variable:24"}},
	} {
		l := open(t, tt.file, tt.text)
		var got []string
		for i := range l.Entries {
			e := &l.Entries[i]
			got = append(got, e.Type+" "+e.fullName()+" "+e.Version+":"+itoa(e.Line))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
		if got := notes(l); !slices.Equal(got, tt.notes) {
			t.Errorf("%s: %v, want %v", name, got, tt.notes)
		}
		if !l.Definition {
			t.Errorf("%s is no definition", name)
		}
	}
}

// TestMachineryRefused checks the errors.
func TestMachineryRefused(t *testing.T) {
	for _, tt := range [][3]string{
		{".github/workflows/a.yml", "jobs: []\n", `:1:7: "jobs" must be an object, not an array`},
		{".github/workflows/a.yml", "jobs: {a: {container: [x]}}\n", `"container" must be the name of an image, not an array`},
		{"actions.lock", "dependencies: {a@1: {commit: sha1-0}}\n", `"a@1" is not OWNER/REPOSITORY@REF`},
		{"actions.lock", "dependencies: {a/b@1: {commit: sha1-0}}\n", `"a/b@1" has no full commit`},
		{"Dockerfile", "FROM a\nRUN <<E\nFROM b\n", "2:1: a here-document does not end"},
		{"Dockerfile", "FROM a\nRUN <<E\nx\n\tE\n", "2:1: a here-document does not end"},
		{"Dockerfile", "FROM\n", "1:1: FROM without an image"},
		{"Dockerfile", "{\n", "1:1: not an instruction of a Dockerfile"},
	} {
		if got := openErr(t, tt[0], tt[1]); !strings.Contains(got, tt[2]) {
			t.Errorf("%s %q: %s", tt[0], tt[1], got)
		}
	}
}

// TestHidden checks that no text before an instruction hides it: what begins a
// here-document, and what continues a line, is what BuildKit takes for it.
func TestHidden(t *testing.T) {
	for name, before := range map[string]string{
		"here-string":       "RUN cat <<<E",
		"in quotes":         "RUN echo \"<<E\"",
		"in single quotes":  "RUN echo 'a <<E'",
		"in a word":         "RUN echo $((1<<E))",
		"quote without end": "RUN echo ' <<E",
		"brace without end": "RUN echo ${ <<E",
		"two escapes":       `RUN echo \\`,
		"escape in quotes":  "RUN echo \"\\\" <<E\"",
		"of another name":   "LABEL a=<<E",
	} {
		l := open(t, "Dockerfile", "FROM scratch\n"+before+"\nFROM hidden\nRUN true \\\nE\n")
		if len(l.Entries) != 1 || l.Entries[0].Name != "hidden" {
			t.Errorf("%s: %q hides the image", name, before)
		}
	}
	for name, text := range map[string]string{
		"space":      "RUN cat << E\nFROM x\nE\n",
		"descriptor": "RUN 3<<E\nFROM x\nE\n",
		"quoted":     "RUN cat <<'E'\nFROM x\nE\n",
		"escaped":    "RUN cat <<\\E\nFROM x\nE\n",
		"dash":       "COPY <<-E /a\nFROM x\n\t\tE\n",
		"two":        "RUN <<A <<B\nB\nA\nFROM x\nB\n",
		"argument":   "ARG S=scratch\nFROM ${S}\n",
	} {
		if l := open(t, "Dockerfile", text); len(l.Entries) != 0 {
			t.Errorf("%s: %+v", name, l.Entries)
		}
	}
	l := open(t, "Dockerfile", "ARG B=build\nFROM scratch AS build\nFROM ${B}\nFROM 0\n")
	if len(l.Entries) != 1 || l.Entries[0].Name != "0" {
		t.Errorf("%+v, want the image 0 only: no stage is used by its number in FROM", l.Entries)
	}
}

func FuzzDockerfile(f *testing.F) {
	fuzzFormat(f, "Dockerfile", "FROM a:1 AS b\nRUN <<E\nx\nE\n", "# escape=`\nADD `\n http://a/b c\n", "ARG A=b\nFROM ${A:-c}\n")
}

func FuzzWorkflow(f *testing.F) {
	fuzzFormat(f, formatWorkflow, "jobs: {a: {steps: [{uses: a/b@v1}], container: x}}", "runs: {steps: []}", "a: &a [x, *a]\njobs: *a\n")
}

func FuzzDevcontainer(f *testing.F) {
	fuzzFormat(f, "devcontainer.json", `{"image": "a", "features": {"a/b:1": {},},}`)
}

// TestMovingDownloads has downloads and contexts of builds, and whether they are
// pinned.
func TestMovingDownloads(t *testing.T) {
	moves := func(file, text string) bool {
		l := open(t, file, text)
		return slices.ContainsFunc(l.Notes, func(n Problem) bool { return n.Kind == ProblemFloating })
	}
	git := "https://github.com/o/r.git"
	for add, want := range map[string]bool{
		"--checksum=sha256:" + shaA + " https://x.example/a":                  false,
		"--checksum=md5:d41d8cd98f00b204e9800998ecf8427e https://x.example/a": true,
		"https://x.example/a#" + commit:                                       true,
		"https://x.example/a?commit=" + commit:                                true,
		git + "#" + commit + ":dir":                                           false,
		git + "#main":                                                         true,
		git + "?tag=v1&commit=" + commit:                                      false,
		git + "?tag=v1&checksum=" + commit[:7]:                                true,
		git + "?branch=" + commit:                                             true,
		"--checksum=" + commit + " " + git + "#v1":                            false,
		"--checksum=" + commit + " https://x.example/a":                       true,
		"git@github.com:o/r.git#" + commit:                                    false,
		"${URL}":                                                              true,
		"$LATER/a":                                                            true,
		"$OUTER":                                                              true,
		"$UNKNOWN":                                                            false,
		"a.tgz":                                                               false,
	} {
		text := "ARG OUTER=https://x.example/c\nFROM scratch\nARG URL=https://x.example/a\nENV LATER=https://x.example A=b\nARG OUTER\nADD " + add + " /\n"
		if got := moves("Dockerfile", text); got != want {
			t.Errorf("ADD %s: %v, want %v", add, got, want)
		}
	}
	for service, want := range map[string]bool{
		"{build: .}": false, "{build: {context: ./a}}": false, "{build: '" + git + "#main'}": true, "{build: '" + git + "#" + commit + "'}": false,
		"{build: {context: 'git@github.com:o/r'}}": true, "{build: {context: 'github.com/o/r'}}": true, "{build: 'https://x.example/a.tgz#" + commit + "'}": true,
		"{build: {context: ., additional_contexts: ['z=docker-image://z:1']}}": true, "{build: {context: ., additional_contexts: {z: 'service:b'}}}": false,
		"{volumes: ['a:/b', {type: image, source: 'x:1', target: /y}]}": true, "{volumes: [{type: bind, source: ./x, target: /y}]}": false,
	} {
		if got := moves("compose.yaml", "services: {a: "+service+"}\n"); got != want {
			t.Errorf("%s: %v, want %v", service, got, want)
		}
	}
	l := open(t, "compose.yaml", "services: {a: {build: {context: ., dockerfile_inline: 'FROM x'}}}\n")
	if len(l.Notes) != 1 || l.Notes[0].Kind != ProblemPartlyRead {
		t.Errorf("%+v", l.Notes)
	}
	for entry, want := range map[string]string{"evil:1 -v": "evil", "--entrypoint /x evil:1 -v": "evil"} {
		l := open(t, ".pre-commit-config.yaml", "repos:\n- {repo: local, hooks: [{id: x, language: docker_image, entry: '"+entry+"'}]}\n")
		if len(l.Entries) != 1 || l.Entries[0].Name != want {
			t.Errorf("%s: %+v", entry, l.Entries)
		}
	}
}
