package definition

import (
	"context"
	"strings"
	"testing"
)

func parse(t *testing.T, file, text string) *File {
	t.Helper()
	f, err := Parse(context.Background(), file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const dockerfileText = "# syntax=docker/dockerfile:1@" + digest + "\n# escape=`\nARG BASE=debian:12 X\nFROM $BASE AS Base\nRUN apt-get `\n# comment\n\n  install x\nRUN <<EOF cat \"<<A\" <<-\"E2\"\nFROM not/read\nEOF\n\tE2\nFROM --platform=linux/amd64 localhost:5000/a@" + digest + " AS two\nCOPY --from=base /a /b\nCOPY --from=0 /a /b\ncopy --from=nginx:1 /a /b\nRUN --mount=type=bind,from=golang:1.22,target=/x --mount=type=cache,target=/y true\nADD --checksum=" + digest + " https://example.org/a.tgz /a\nADD `\n  https://u:secret@example.org/b.tgz?token=1 /a\nADD https://github.com/o/r.git#" + commit40 + " /r\nFROM scratch\nFROM two\nFROM ${NONE}\n"

func TestDockerfile(t *testing.T) {
	f := parse(t, "Dockerfile", dockerfileText)
	equal(t, "file", lines(f.Uses), "image docker/dockerfile:1 digest Dockerfile:1:10")
	equal(t, "Base", lines(f.Job("base").Uses), "image debian:12 floating Dockerfile:4:6")
	equal(t, "two", lines(f.Job("two").Uses), `
image localhost:5000/a digest Dockerfile:13:29
image nginx:1 floating Dockerfile:16:6
image golang:1.22 floating Dockerfile:17:5
download example.org/a.tgz digest Dockerfile:18:88
download example.org/b.tgz floating Dockerfile:20:3
download github.com/o/r.git commit Dockerfile:21:5`)
	if f.Job("two").Needs[0] != "Base" || len(f.Job("two").Needs) != 1 || f.Job("3").Needs[0] != "two" || f.Job("3").Container != "" || f.Job("Base").Container != "debian:12" {
		t.Errorf("%+v", f.Jobs)
	}
	for _, u := range f.Job("two").Uses {
		if strings.Contains(u.Text+u.Detail+u.Fix, "secret") || strings.Contains(u.Text, "token") {
			t.Errorf("%+v has a secret", u)
		}
	}
	if len(f.Notes) != 1 || f.Notes[0].Kind != Undecided || f.Notes[0].At != (Position{4, 6}) {
		t.Errorf("%+v", f.Notes)
	}
}

// TestStages checks that a stage is selected with those that it is built from, and
// without the others.
func TestStages(t *testing.T) {
	checkout := files(map[string]string{"x/Dockerfile": "FROM a:1 AS one\nFROM b:1 AS unused\nFROM c:1 AS tools\nFROM one AS two\nCOPY --from=tools / /\nFROM two\n"})
	for ref, want := range map[string]string{
		"x/Dockerfile":        "image a:1 floating x/Dockerfile:1:6\nimage c:1 floating x/Dockerfile:3:6",
		"x/Dockerfile#TWO":    "image a:1 floating x/Dockerfile:1:6\nimage c:1 floating x/Dockerfile:3:6",
		"x/Dockerfile#unused": "image b:1 floating x/Dockerfile:2:6",
	} {
		s, err := Select(context.Background(), checkout, ref)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, ref, lines(s.Uses), want)
	}
}

// TestFlagsEnd checks that no word after "--" is a flag, and both forms of ENV.
func TestFlagsEnd(t *testing.T) {
	f := parse(t, "Dockerfile", "FROM scratch\nENV U https://h.example/a\nENV V=https://h.example/b\nADD -- --checksum="+digest+" $U /\nADD $V /\n")
	equal(t, "ADD", lines(f.Jobs[0].Uses), `
download h.example/a floating Dockerfile:4:`+itoa(len("ADD -- --checksum=")+len(digest)+2)+`
download h.example/b floating Dockerfile:5:5`)
}

// TestBuildArguments checks values with blanks, and that an argument without a default is
// known only when the image is built.
func TestBuildArguments(t *testing.T) {
	s := selected(t, map[string]string{"Dockerfile": `ARG GLOBAL=1.2.3
FROM scratch
ARG MODULES="one two@1.2.3" OTHER='three'
ARG RELEASE
ARG GLOBAL
ENV A="four five" B=six
RUN npm install -g ${MODULES} $OTHER $A $B
RUN curl -s https://h.example/x.${RELEASE} -o /bin/x && curl -s https://h.example/y.$GLOBAL -o /bin/y
`}, "Dockerfile")
	var got []string
	for _, u := range s.Uses {
		if u.Command {
			got = append(got, u.FullName()+" "+string(u.Pin))
		}
	}
	equal(t, "uses", got, `
one floating
two version
three floating
four floating
five floating
six floating
h.example/x.${RELEASE} variable
h.example/y.1.2.3 version`)
}
