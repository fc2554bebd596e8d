package lockcheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequirements(t *testing.T) {
	l := open(t, "requirements.txt", `# a comment, with a backslash \
--require-hashes
-c constraints.txt
-r sub/more.txt

 Foo-Bar [one, two] ==1.0.0 ; python_version < "3.9" \
    # in between
foo.bar==1.1 \
    --hash=sha256:`+shaA+`  # after
baz (==2.0)
qux>=1,==1.5
-e git+https://u:p@github.com/o/ed.git@main#egg=Ed
zip @ https://files.pythonhosted.org/zip-1.0.zip#sha256=`+shaB+` ; sys_platform == "win32"
./wheels/loc_al-3.1-py3-none-any.whl
./nameless
`,
		"constraints.txt", "limited==4.0\n",
		"sub/more.txt", "-r ../third.txt\nmore==5.0\n",
		"third.txt", "third==6.0\n")
	var got []string
	for i := range l.Entries {
		e := &l.Entries[i]
		s := fmt.Sprintf("%s:%d %s %s%s %s", e.File[strings.LastIndex(e.File, "/")+1:], e.Line, e.Name, e.Version, e.Spec, e.Source.Kind)
		if e.Marker != "" {
			s += " if " + e.Marker
		}
		if e.Constraint {
			s += " constraint"
		}
		got = append(got, fmt.Sprintf("%s %d", s, len(e.Hashes)))
	}
	want := []string{
		"constraints.txt:1 limited 4.0 registry constraint 0",
		"third.txt:1 third 6.0 registry 0",
		"more.txt:2 more 5.0 registry 0",
		`requirements.txt:6 Foo-Bar 1.0.0 registry if python_version < "3.9" 0`,
		"requirements.txt:8 foo.bar 1.1 registry 1",
		"requirements.txt:10 baz 2.0 registry 0",
		"requirements.txt:11 qux 1.5 registry 0",
		"requirements.txt:12 Ed  editable 0",
		`requirements.txt:13 zip  url if sys_platform == "win32" 1`,
		"requirements.txt:14 loc_al 3.1 path 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := l.Notes[len(l.Notes)-1]; last.Kind != ProblemNoHash {
		t.Errorf("--require-hashes is not noted: %v", last)
	}
	if !strings.Contains(strings.Join(notes(l), " "), "path:15") {
		t.Errorf("the requirement without a name is not noted: %v", notes(l))
	}
	// Of two entries of one name, only the one whose marker holds pins.
	for version, want := range map[string]string{"1.0.0": "other-platform", "1.1": "hash-locked"} {
		if r := match([]*Lock{l}, py("foo_bar", version)); outcome(r) != want {
			t.Errorf("foo-bar %s: %s", version, r.Detail)
		}
	}
	// A constraint pins a package that another entry requires.
	if r := match([]*Lock{l}, py("limited", "4.0")); outcome(r) != "version-locked no-hash" {
		t.Errorf("constraint: %s", outcome(r))
	}
}

func TestRequirementsNotes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "empty-lock:1",
		"# nothing\n":                       "empty-lock:1",
		"foo==1 --hash=sha256:" + shaA:      "",
		"foo==1!2 --hash=sha256:" + shaA:    "",
		"foo==1":                            "no-hash:1",
		"foo>=1":                            "unpinned:1",
		"foo==1,==2":                        "unpinned:1",
		"foo==1 --hash=md5:" + shaA[:32]:    "weak-hash:1",
		"-i https://u:p@x.example/?token=s": "other-index:1 empty-lock:1",
		"-i https://${HOST}/simple":         "variable:1 other-index:1 empty-lock:1",
		"--trusted-host x.example":          "insecure:1 empty-lock:1",
		"--hash=sha256:" + shaA:             "ignored-by-reader:1 empty-lock:1",
		"foo==1 --hash=sha256:" + shaA + " --pre": "ignored-by-reader:1",
		"-e .":                               "editable:1 empty-lock:1",
		"git+https://github.com/o/r":         "vcs:1 empty-lock:1",
		"https://x.example/a.zip":            "url:1 empty-lock:1",
		"./a":                                "path:1 empty-lock:1",
		"a @ file:///x/a-1-py3-none-any.whl": "path:1",
		"foo==1 --hash=sha256:" + shaA + "\nfoo==2 --hash=sha256:" + shaA:                             "contradicts:2",
		"foo==1 --hash=sha256:" + shaA + "\nfoo==1.0 --hash=sha256:" + shaB:                           "contradicts:2",
		"foo==1; os_name=='a' --hash=sha256:" + shaA + "\nfoo==2; os_name=='b' --hash=sha256:" + shaA: "",
	} {
		l := open(t, "requirements.txt", text)
		got := strings.Join(notes(l), " ")
		if got != want {
			t.Errorf("%q: notes %q, want %q", text, got, want)
		}
		for _, n := range l.Notes {
			if strings.Contains(n.Detail, "u:p@") || strings.Contains(n.Detail, "token") {
				t.Errorf("a secret in %q", n.Detail)
			}
		}
	}
}

func TestRequirementsErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no name", "a==1\n==2.3.4\n", `r.txt:2:1: a requirement must begin with a name; write name==version`},
		{"look-alike", "a==1\npаndas==1\n", `r.txt:2:2: a character outside ASCII in a requirement: a look-alike, or a typing error; type the name in plain letters`},
		{"two words", "a b\n", `r.txt:1:3: text after the name that is not a version specifier; write name==version`},
		{"a marker without an operator", "a==1 ; python_version\n", `r.txt:1:22: not an operator of markers; write name==version`},
		{"unknown option", "a==1\n  --requirements x\n", `r.txt:2:3: "--requirements" is not an option of a requirements file; see pip's list of options for requirements files`},
		{"unknown short option", "-x\n", `r.txt:1:1: an option is expected here; put requirements before options, one a line`},
		{"ambiguous option", "--no x\n", `r.txt:1:1: "--no" is not an option of a requirements file; see pip's list of options for requirements files`},
		{"option without value", "-r\n", `r.txt:1:1: --requirement without a value; write its value after it`},
		{"flag with a value", "--pre=1\n", `r.txt:1:1: --pre takes no value; remove the value`},
		{"bad hash", "a==1 \\\n  --hash=sha256:xyz\n", `r.txt:2:3: malformed hash; write --hash=sha256: and 64 hexadecimal digits`},
		{"hash of no algorithm", "a==1 --hash=" + shaA, `r.txt:1:6: malformed hash; write --hash=sha256: and 64 hexadecimal digits`},
		{"open quote", "-r 'x\n", `r.txt:1:4: a quote without its end; close the quote`},
		{"open extras", "a[x==1\n", `r.txt:1:4: extras without a closing bracket; write name==version`},
		{"include from the network", "-r https://u:secret@x.example/r.txt?t=secret\n", `r.txt:1:1: include of "https://x.example/r.txt": nothing is fetched; save it beside this file and include that`},
		{"include by variable", "-r ${X}.txt\n", `r.txt:1:1: the included file is decided by an environment variable; write the path itself`},
		{"include that is missing", "\n-r other.txt\n", `r.txt:2:1: include: other.txt: no such file or directory; correct the path, or create the lock file`},
		{"two includes", "-r r2.txt -c r2.txt\n", `r.txt:1:11: a second include on one line, which pip ignores; put each on its own line`},
		{"include of itself", "-r ./r.txt\n", `r.txt:1:1: includes form a cycle: r.txt -> r.txt; remove the include`},
		{"a vertical tab", "a==1 # ok\vevil==6.6.6\n", `r.txt:1:10: a character at which pip ends the line and editors do not; remove it`},
		{"a line separator", "a==1 # ok\u2028evil==6.6.6\n", `r.txt:1:10: a character at which pip ends the line and editors do not; remove it`},
		{"a lone return", "a==1\rb==1\n", `r.txt:1:5: a character at which pip ends the line and editors do not; remove it`},
		{"a long line", "a==1\nb==1 " + strings.Repeat("x", maxLine) + "\n", `r.txt:2:1: a line longer than 1048576 bytes; split the line`},
		{"a long joined line", "a==1\n" + strings.Repeat("b\\\n", maxLine+1), `a line longer than 1048576 bytes; split the line`},
		{"binary", "a==1\n\x00\x01", `r.txt:2:1: a NUL byte: the file is binary or UTF-16; save it as UTF-8 text`},
		{"Latin-1", "a==1 # caf\xe9\n", `r.txt:1:11: invalid UTF-8; save the file as UTF-8`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := openErr(t, "requirements/r.txt", tt.text, "requirements/r2.txt", "")
			got = strings.ReplaceAll(got, "requirements/", "")
			if got != tt.want && !(tt.name == "a long joined line" && strings.HasSuffix(got, tt.want)) {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRequirementsIncludes(t *testing.T) {
	if got := openErr(t, "requirements.txt", "-r a.txt\n", "a.txt", "x==1\n-c sub/b.txt\n", "sub/b.txt", "-r ../requirements.txt\n"); got !=
		"sub/b.txt:1:1: includes form a cycle: requirements.txt -> a.txt -> sub/b.txt -> requirements.txt; remove the include" {
		t.Error(got)
	}
	deep := []string{"requirements.txt", "-r r1.txt"}
	for i := 1; i < 40; i++ {
		deep = append(deep, fmt.Sprintf("r%d.txt", i), fmt.Sprintf("-r r%d.txt", i+1))
	}
	if got := openErr(t, deep...); got != "r15.txt:1:1: includes nest deeper than 16 files; include fewer levels" {
		t.Error(got)
	}
	// Two includes of one file are not a cycle, and a ladder of them takes linear
	// time.
	ladder := []string{"requirements.txt", "-r l0.txt\n-r ./l0.txt"}
	for i := range 14 {
		ladder = append(ladder, fmt.Sprintf("l%d.txt", i), fmt.Sprintf("-r l%d.txt\n-r ../%%s/l%d.txt\np%d==1\n", i+1, i+1, i))
	}
	ladder = append(ladder, "l14.txt", "end==1\n")
	for i := 3; i < len(ladder); i += 2 {
		ladder[i] = strings.ReplaceAll(ladder[i], "../%s/", "./")
	}
	if l := open(t, ladder...); len(l.Entries) != 15 {
		t.Errorf("%d entries, want 15", len(l.Entries))
	}
	// An include can leave the directory: the user wrote the file.
	if l := open(t, "sub/requirements.txt", "-r ../up.txt", "up.txt", "up==1"); len(l.Entries) != 1 || !strings.HasSuffix(l.Entries[0].File, "/up.txt") {
		t.Errorf("%v", l.Entries)
	}
	// A file that is included as requirements and as constraints counts as both.
	if l := open(t, "requirements.txt", "-c a.txt\n-r a.txt\n", "a.txt", "a==1"); len(l.Entries) != 2 {
		t.Errorf("%v", l.Entries)
	}
}
