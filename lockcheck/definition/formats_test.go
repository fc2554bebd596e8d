package definition

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func selected(t *testing.T, texts map[string]string, ref string) *Selection {
	t.Helper()
	s, err := Select(context.Background(), files(texts), ref)
	if err != nil {
		t.Fatal(ref, err)
	}
	return s
}

func details(notes []Note) (out []string) {
	for _, n := range notes {
		out = append(out, string(n.Kind)+" "+n.Detail)
	}
	return out
}

func TestCompose(t *testing.T) {
	texts := map[string]string{
		"x/compose.yaml": `name: app
include: [other.yml, 'https://github.com/o/r.git#main']
services:
  db: {image: 'postgres:16'}
  made: {image: made, build: {context: ./app, target: two}, depends_on: {db: {}}}
  more:
    build: {context: ., dockerfile: none, additional_contexts: {base: 'docker-image://busybox@` + digest + `'}}
  v: {image: '${IMAGE:-x}', volumes: ['a:/b', {type: image, source: 'data:1', target: /y}]}
  e: {extends: db}
  f: {extends: {file: other.yml, service: o}}
`,
		"x/other.yml":      "services: {o: {image: 'other:1'}}\n",
		"x/app/Dockerfile": "FROM a:1 AS one\nFROM b:1 AS two\nRUN pip install z\nFROM c:1\n",
	}
	made := selected(t, texts, "x/compose.yaml#made")
	equal(t, "made", lines(made.Uses), `
workflow github.com/o/r.git floating x/compose.yaml:2:22
image b:1 floating x/app/Dockerfile:2:6
tool z floating x/app/Dockerfile:3:17`)
	if !slices.Equal(made.Job.Needs, []string{"db"}) || !slices.Equal(made.Files, []string{"x/app/Dockerfile", "x/compose.yaml", "x/other.yml"}) {
		t.Errorf("%q %q", made.Job.Needs, made.Files)
	}
	equal(t, "e", lines(selected(t, texts, "x/compose.yaml#e").Uses)[1:], "image postgres:16 floating x/compose.yaml:4:15")
	equal(t, "v", lines(selected(t, texts, "x/compose.yaml#v").Uses)[1:], `
image ${IMAGE:-x}:${IMAGE:-x} variable x/compose.yaml:8:14
image data:1 floating x/compose.yaml:8:69`)
	equal(t, "f", lines(selected(t, texts, "x/compose.yaml#f").Uses)[1:], "image other:1 floating x/other.yml:1:23")
	if o := selected(t, texts, "x/compose.yaml#o"); o.Job.File != "x/other.yml" {
		t.Errorf("%+v", o.Job)
	}
	more := selected(t, texts, "x/compose.yaml#more")
	equal(t, "more", lines(more.Uses)[1:], "image busybox digest x/compose.yaml:7:71")
	equal(t, "more", details(more.Notes), `
unread "x/none" is not read: there is no such file in the checkout`)
}

const bakeText = `# a comment
variable "TAG" { default = "1.2" }
variable "NONE" {}
group "default" { targets = ["app"] }
function "f" {
  params = [x]
  result = "${x}-1"
}
target "base" {
  context = "./app"
  output = ["type=registry"]
}
target "app" {
  inherits = ["base"]
  target = "two"
  tags = ["x:${TAG}", NONE != "" ? "x:${NONE}" : ""]
  args = { A = "b", "C" = f("d") /* x */ }
  contexts = {
    tools = "docker-image://tool:${TAG}"
    other = "target:lone"
    git = "https://github.com/o/r.git#${NONE}"
  }
  labels = {for k, v in x : k => v}
}
target "lone" {
  dockerfile = <<-E
    Dockerfile
  E
  name = "x-${item}"
  matrix = { item = ["a", "b"] }
}
`

func TestBake(t *testing.T) {
	texts := map[string]string{
		"docker-bake.hcl":  bakeText,
		"docker-bake.json": `{"variable": {"T": {"default": "2"}}, "target": {"app": {"context": "app", "target": "two", "contexts": {"x": "docker-image://tool:${T}"}}}}`,
		"app/Dockerfile":   "FROM a:1 AS one\nFROM b:1 AS two\nFROM c:1\n",
	}
	s := selected(t, texts, "docker-bake.hcl#app")
	equal(t, "hcl", lines(s.Uses), `
image tool:1.2 floating docker-bake.hcl:19:13
download github.com/o/r.git floating docker-bake.hcl:21:11
image b:1 floating app/Dockerfile:2:6`)
	if len(s.Job.Publishes) != 1 || s.Job.Publishes[0].At.Line != 11 || !slices.Equal(s.Job.Needs, []string{"lone"}) {
		t.Errorf("%+v", s.Job)
	}
	equal(t, "json", lines(selected(t, texts, "docker-bake.json#app").Uses), `
image tool:2 floating docker-bake.json:1:111
image b:1 floating app/Dockerfile:2:6`)
	for text, want := range map[string]string{
		"target \"x\" {": "1:13: a block does not end", "target = ": "1:10: a value is expected here", "x = \"a\n": "1:5: a string does not end",
		"/* x": "1:1: a comment does not end", "x = [1": "is expected here", "}": "1:1: \"}\" is not expected here", "x y z": "is expected here", "a = <<E\nx\n": "a text does not end",
	} {
		if _, err := Parse(context.Background(), "docker-bake.hcl", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestDevContainer(t *testing.T) {
	texts := map[string]string{
		".devcontainer/devcontainer.json": `{
 // base
 "image": "mcr.microsoft.com/devcontainers/base:1",
 "features": {
  "ghcr.io/devcontainers/features/node:1": {},
  "ghcr.io/devcontainers/features/go:1": {},
  "./mine": {},
 },
 "postCreateCommand": {"a": "pip install x", "b": ["npm", "i", "-g", "y"]},
}
`,
		".devcontainer/devcontainer-lock.json":     `{"features": {"ghcr.io/devcontainers/features/go:1": {"version": "1.3.2", "resolved": "x", "integrity": "` + digest + `"}}}`,
		".devcontainer/built/devcontainer.json":    `{"build": {"dockerfile": "../Dockerfile", "context": "..", "target": "one"}}`,
		".devcontainer/Dockerfile":                 "FROM a:1 AS one\nFROM b:1\n",
		".devcontainer/composed/devcontainer.json": `{"dockerComposeFile": "compose.yml", "service": "s"}`,
		".devcontainer/composed/compose.yml":       "services: {s: {image: 'x:1'}}\n",
	}
	equal(t, "image", lines(selected(t, texts, ".devcontainer/devcontainer.json").Uses), `
image mcr.microsoft.com/devcontainers/base:1 floating .devcontainer/devcontainer.json:3:11
feature ghcr.io/devcontainers/features/node:1 floating .devcontainer/devcontainer.json:5:3
feature ghcr.io/devcontainers/features/go:1 lock .devcontainer/devcontainer.json:6:3
feature ./mine checkout .devcontainer/devcontainer.json:7:3
tool x floating .devcontainer/devcontainer.json:9:29
tool y floating .devcontainer/devcontainer.json:9:51`)
	equal(t, "built", lines(selected(t, texts, ".devcontainer/built/devcontainer.json").Uses), "image a:1 floating .devcontainer/Dockerfile:1:6")
	equal(t, "composed", lines(selected(t, texts, ".devcontainer/composed/devcontainer.json").Uses), "image x:1 floating .devcontainer/composed/compose.yml:1:23")
}

func TestGitLab(t *testing.T) {
	texts := map[string]string{
		".gitlab-ci.yml": `spec: {inputs: {x: {default: y}}}
---
include:
- local: /ci/*.yml
- {project: g/p, ref: main, file: [a.yml, b.yml]}
- {project: g/p, ref: ` + commit40 + `, file: c.yml}
- component: $CI_SERVER_FQDN/g/c/x@1.0
- {remote: 'https://h.example/x.yml', integrity: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='}
- template: Jobs/Build.gitlab-ci.yml
stages: [one, two]
variables: {IMG: 'python:3.12', D: {value: '1.2.3'}}
default:
  image: $IMG
  before_script: [echo]
build:
  extends: [.py, .other]
  stage: one
  services: ['docker:dind', {name: 'redis@` + digest + `'}]
  artifacts: {paths: [dist]}
publish:
  stage: two
  image: {name: 'alpine:3'}
  tags: [docker, fast]
  id_tokens: {T: {aud: x}}
  before_script: []
  script:
  - !reference [.py, script]
  - - twine upload dist/*
  - |
    curl https://h.example/i.sh | sh
start:
  stage: two
  trigger: {project: g/other}
`,
		"ci/templates.yml": ".py:\n  script:\n  - pip install a==$D\n  - python -m build\n.other:\n  inherit: {default: false}\n  variables: {Z: z}\n",
	}
	s := selected(t, texts, ".gitlab-ci.yml#build")
	equal(t, "build", lines(s.Uses), `
workflow g/p:main floating .gitlab-ci.yml:5:36
workflow g/p:main floating .gitlab-ci.yml:5:43
workflow g/p commit .gitlab-ci.yml:6:71
workflow $CI_SERVER_FQDN/g/c/x:1.0 floating .gitlab-ci.yml:7:14
workflow h.example/x.yml digest .gitlab-ci.yml:8:12
workflow gitlab-template/Jobs/Build.gitlab-ci.yml floating .gitlab-ci.yml:9:13
runner runner/shared unknown .gitlab-ci.yml:15:1
image default unknown .gitlab-ci.yml:15:1
image docker:dind floating .gitlab-ci.yml:18:14
image redis digest .gitlab-ci.yml:18:36
tool a:1.2.3 version ci/templates.yml:3:17
tool build-backend floating ci/templates.yml:4:5`)
	if len(s.Notes) != 0 {
		t.Errorf("%+v", s.Notes)
	}
	s = selected(t, texts, ".gitlab-ci.yml#publish")
	equal(t, "publish", lines(s.Uses)[6:], `
runner runner/docker fast unknown .gitlab-ci.yml:23:9
image alpine:3 floating .gitlab-ci.yml:22:17
tool a:1.2.3 version ci/templates.yml:3:17
tool build-backend floating ci/templates.yml:4:5
download h.example/i.sh floating .gitlab-ci.yml:30:10`)
	if p := s.Job.Publishes; len(p) != 2 || p[0].By != "id_tokens: T" || p[1].By != "twine upload" || p[1].At != (Position{28, 7}) {
		t.Errorf("%+v", p)
	}
	if len(s.File.Job("build").Uploads) == 0 || len(s.Job.Downloads) == 0 {
		t.Errorf("build uploads %v, publish downloads %v", s.File.Job("build").Uploads, s.Job.Downloads)
	}
	other := selected(t, map[string]string{".gitlab-ci.yml": "include: [{local: o.yml}]\n", "o.yml": "a:\n  extends: .no\n  image: x\n  script: pip install y\n"}, ".gitlab-ci.yml#a")
	if n := other.Notes; len(n) != 1 || n[0].File != "o.yml" || n[0].At.Line != 2 || other.Job.File != "o.yml" || other.Uses[2].File != "o.yml" {
		t.Errorf("%+v", other)
	}
	if got := details(selected(t, map[string]string{".gitlab-ci.yml": "a: {extends: .no, image: $X, script: x}\n"}, ".gitlab-ci.yml").Notes); len(got) != 1 || !strings.Contains(got[0], "extends \".no\"") {
		t.Errorf("%q", got)
	}
}

func TestFind(t *testing.T) {
	got, err := Find(context.Background(), files(map[string]string{
		".github/workflows/a.yml": "", ".github/workflows/x/b.yml": "", "sub/.github/workflows/c.yaml": "", "action.yml": "", "Dockerfile": "", "Containerfile.x": "", "x.Dockerfile": "",
		"compose.yaml": "", "docker-compose.prod.yml": "", "docker-bake.hcl": "", ".devcontainer/devcontainer.json": "", ".gitlab-ci.yml": "", "node_modules/x/Dockerfile": "",
		"vendor/x/Dockerfile": "", "module/.git": "", "module/Dockerfile": "", "dockerfile.go": "",
	}))
	want := []string{".devcontainer/devcontainer.json", ".github/workflows/a.yml", ".gitlab-ci.yml", "Containerfile.x", "Dockerfile", "action.yml", "compose.yaml", "docker-bake.hcl", "docker-compose.prod.yml", "sub/.github/workflows/c.yaml", "x.Dockerfile"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestLookups checks that a file of the checkout decides what a workflow leaves to it.
func TestLookups(t *testing.T) {
	texts := map[string]string{
		".github/workflows/w.yml": `env: {PY: '3.12.1'}
defaults: {run: {working-directory: sub}}
jobs:
  j:
    runs-on: x
    steps:
    - {uses: actions/setup-go@v5, with: {go-version-file: go.mod}}
    - {uses: actions/setup-node@v5, with: {node-version-file: .nvmrc}}
    - {uses: actions/setup-python@v5, with: {python-version: '${{ env.PY }}'}}
    - {uses: actions/setup-java@v5, with: {java-version-file: none}}
    - run: pip install -r locked.txt -r free.txt a==${{ env.PY }}
    - run: npx eslint; npx other
`,
		"go.mod": "module x\n\ngo 1.25.0\n\ntoolchain go1.26.8\n", ".nvmrc": "22\n",
		"sub/locked.txt": "a==1 --hash=sha256:00\n", "sub/free.txt": "a==1\n", "sub/package.json": `{"devDependencies": {"eslint": "9"}}`,
	}
	var got []string
	for _, u := range selected(t, texts, ".github/workflows/w.yml#j").Uses {
		if u.Kind == UseTool {
			got = append(got, u.Name+" "+u.Spec+" "+string(u.Pin))
		}
	}
	equal(t, "lookups", got, `
go 1.26.8 version
node 22 floating
python 3.12.1 version
java none floating
locked.txt -r locked.txt lock
free.txt -r free.txt floating
a 3.12.1 version
eslint  lock
other  floating`)
}
