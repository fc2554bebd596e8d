package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program when it is called depaudit: by
// a script, and by the program itself when it starts the process that scans.
func TestMain(m *testing.M) {
	testscript.Main(startsMany{m}, map[string]func(){"depaudit": mainOfScripts})
}

// startsMany runs tests that start the program three thousand times, most often for
// some hundredths of a second. A quarter of that were two collections of garbage before
// main: they run later. End to end the program has the settings of its users.
type startsMany struct{ *testing.M }

const rarely = "400" // percent; GOGC

func (m startsMany) Run() int {
	if !isEndToEnd() {
		os.Setenv("GOGC", rarely)
	}
	return m.M.Run()
}

// mainOfScripts is main with a clock that a script can set: TODAY, YYYY-MM-DD.
func mainOfScripts() {
	if os.Getenv(hangVariable) == hangAtOnce {
		time.Sleep(time.Hour)
	}
	stopIfTold(os.Args[1:])
	crashBySignal()
	c := command{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, now: func() time.Time {
		day, err := time.Parse(time.DateOnly, os.Getenv("TODAY"))
		if err != nil {
			return time.Now()
		}
		return day
	}}
	os.Exit(c.main(os.Args[1:]))
}

// A test makes a process hang by a variable in its environment: [hangAtOnce], or the
// directory whose scanning process is to stop itself.
const (
	hangVariable = "DEPAUDIT_TEST_HANG"
	hangAtOnce   = "at once"
)

// TestScripts runs the transcripts in testdata/script: one for each promise.
// After each of them no temporary file may be left, whatever went wrong in it.
func TestScripts(t *testing.T) { testscript.Run(t, scripts(t, "testdata/script")) }

// scripts are the parameters of transcripts in a directory.
func scripts(t *testing.T, dir string) testscript.Params {
	t.Helper()
	example, err := filepath.Abs("../../testdata/cpython/example")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDSCR") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLE", example)
			env.Setenv("DOCS", docs)
			// A day before exceptions in scripts expire, and no surprise from
			// the machine's own settings.
			env.Setenv("TODAY", "2024-04-15")
			env.Setenv("SOURCE_DATE_EPOCH", "1713200000") // 2024-04-15
			env.Setenv("TERM", "dumb")
			// Its own cache. The default is /no-home, which root makes on the machine,
			// for all scripts and runs, and which other users cannot make.
			home := filepath.Join(filepath.Dir(env.WorkDir), "home-"+filepath.Base(env.WorkDir))
			env.Setenv("HOME", home)
			// testscript removes its directory only if that is empty.
			env.Defer(func() { os.RemoveAll(home) })
			if !isEndToEnd() {
				env.Setenv("GOGC", rarely)
			}
			tmp := env.Getenv("TMPDIR")
			env.Defer(func() {
				if left := leftovers(env.WorkDir, tmp); len(left) > 0 {
					env.T().Fatal("left behind: " + strings.Join(left, ", "))
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"want":        cmdWant,
			"debian":      cmdDebian,
			"deb":         cmdDeb,
			"manydebs":    cmdManyDebs,
			"wheel":       cmdWheel,
			"fill":        cmdFill,
			"bytes":       cmdBytes,
			"elf":         cmdELF,
			"replace":     cmdReplace,
			"valid":       cmdValid,
			"plain":       cmdPlain,
			"exactly":     cmdExactly,
			"registry":    cmdRegistry,
			"image":       cmdImage,
			"imageindex":  cmdImageIndex,
			"fakerelease": cmdFakeRelease,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "e2e":
				return isEndToEnd(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	}
}

// leftovers are the temporary files and directories that depaudit makes.
func leftovers(work, tmp string) []string {
	var left []string
	for _, pattern := range []string{filepath.Join(tmp, "depaudit-*"), filepath.Join(work, ".*.tmp*"), filepath.Join(work, "*", ".*.tmp*")} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return left
}

// cmdWant runs a program and wants one exit code: want CODE PROGRAM ARG... An update
// of a baseline is also made from the report of an audit, and must be the same.
func cmdWant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: want CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	byReport := updateFromReport(ts, args[1:])
	got := exitCode(ts, ts.Exec(args[1], args[2:]...))
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	byReport.compare(ts, got)
}

// exitCode returns the exit code of a program that was run.
func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	return 0
}

// cmdDebian makes a Debian root with some packages: debian ROOT [COUNT].
// Without a count it has 12, so that it does not look empty.
func cmdDebian(ts *testscript.TestScript, _ bool, args []string) {
	n := 12
	if len(args) == 2 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	root := ts.MkAbs(args[0])
	write(ts, filepath.Join(root, "etc/os-release"), "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
	for i := range n {
		installDeb(ts, root, fmt.Sprintf("base%d", i+1), "1.0-1", "", false)
	}
}

// cmdDeb installs a package:
// deb ROOT NAME VERSION [auto] [required] [needs=A,B|C] [recommends=A] [suggests=A]
func cmdDeb(ts *testscript.TestScript, _ bool, args []string) {
	auto, needs := false, ""
	for _, a := range args[3:] {
		name, list, _ := strings.Cut(a, "=")
		list = strings.ReplaceAll(strings.ReplaceAll(list, ",", ", "), "|", " | ")
		switch name {
		case "auto":
			auto = true
		case "needs":
			needs = list + needs
		case "recommends":
			needs += "\nRecommends: " + list
		case "suggests":
			needs += "\nSuggests: " + list
		case "required":
			needs += "\nEssential: yes"
		default:
			ts.Fatalf("deb: unknown argument %s", a)
		}
	}
	installDeb(ts, ts.MkAbs(args[0]), args[1], args[2], needs, auto)
}

func installDeb(ts *testscript.TestScript, root, name, version, needs string, auto bool) {
	stanza := fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: optional\nSection: misc\nInstalled-Size: 10\nMaintainer: A <a@example.org>\nArchitecture: amd64\nVersion: %s\n", name, version)
	switch {
	case strings.HasPrefix(needs, "\n"):
		stanza += needs[1:] + "\n"
	case needs != "":
		stanza += "Depends: " + needs + "\n"
	}
	appendTo(ts, filepath.Join(root, "var/lib/dpkg/status"), stanza+"Description: for a test\n\n")
	appendTo(ts, filepath.Join(root, "var/lib/apt/extended_states"), "")
	if auto {
		appendTo(ts, filepath.Join(root, "var/lib/apt/extended_states"), fmt.Sprintf("Package: %s\nArchitecture: amd64\nAuto-Installed: 1\n\n", name))
	}
	write(ts, filepath.Join(root, "var/lib/dpkg/info", name+".list"), fmt.Sprintf("/.\n/usr\n/usr/bin\n/usr/bin/%s\n", name))
	write(ts, filepath.Join(root, "usr/bin", name), "#!/bin/sh\n")
}

// cmdManyDebs adds to a package database alone: manydebs ROOT COUNT
func cmdManyDebs(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Package: many%d\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-%d\nDepends: many%d, many%d\n\n", i, i, (i+1)%n, (i+2)%n)
	}
	appendTo(ts, filepath.Join(ts.MkAbs(args[0]), "var/lib/dpkg/status"), b.String())
}

// cmdWheel installs a Python package as pip does: wheel ROOT NAME VERSION
func cmdWheel(ts *testscript.TestScript, _ bool, args []string) {
	site := filepath.Join(ts.MkAbs(args[0]), "usr/local/lib/python3.11/dist-packages")
	name, version := args[1], args[2]
	info := name + "-" + version + ".dist-info"
	write(ts, filepath.Join(site, name+".py"), "")
	write(ts, filepath.Join(site, info, "METADATA"), fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version))
	write(ts, filepath.Join(site, info, "INSTALLER"), "pip\n")
	write(ts, filepath.Join(site, info, "RECORD"), fmt.Sprintf("%s.py,,\n%s/METADATA,,\n%s/INSTALLER,,\n%s/RECORD,,\n", name, info, info, info))
}

// cmdFill writes a file of one repeated byte: fill FILE MIB BYTE [PREFIX]
func cmdFill(ts *testscript.TestScript, _ bool, args []string) {
	mib, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := append([]byte(strings.Join(args[3:], " ")), bytes.Repeat([]byte(args[2]), mib<<20)...)
	write(ts, ts.MkAbs(args[0]), string(data))
}

// cmdBytes writes the text of a Go string literal to a file: bytes FILE TEXT
func cmdBytes(ts *testscript.TestScript, _ bool, args []string) {
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	write(ts, ts.MkAbs(args[0]), s)
}

// cmdELF writes programs whose names are one byte each: elf DIR FIRST LAST
func cmdELF(ts *testscript.TestScript, _ bool, args []string) {
	first, err := strconv.ParseUint(args[1], 0, 8)
	ts.Check(err)
	last, err := strconv.ParseUint(args[2], 0, 8)
	ts.Check(err)
	program := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	program[16], program[18], program[20] = 2, 62, 1 // executable, x86-64, version 1
	program[52], program[54] = 64, 56                // sizes of the headers
	for b := first; b <= last; b++ {
		write(ts, filepath.Join(ts.MkAbs(args[0]), string([]byte{byte(b)})), string(program))
	}
}

// cmdReplace edits a file: replace FILE OLD NEW, with Go escapes
func cmdReplace(ts *testscript.TestScript, _ bool, args []string) {
	var words [2]string
	for i, a := range args[1:] {
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(a, `"`, `\"`) + `"`)
		ts.Check(err)
		words[i] = s
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, words[0]) {
		ts.Fatalf("%s has no %q", args[0], words[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, words[0], words[1], 1)), 0o666))
}

// cmdValid wants files to be whole JSON texts with a text in them:
// valid TEXT FILE...
func cmdValid(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args[1:] {
		text := ts.ReadFile(file)
		if !json.Valid([]byte(text)) || !strings.Contains(text, args[0]) {
			ts.Fatalf("%s: no JSON with %q in it", file, args[0])
		}
	}
}

// cmdPlain wants files to have nothing that acts on a terminal or on a CI
// system that reads its log: plain FILE...
func cmdPlain(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := ts.ReadFile(file)
		for i, line := range strings.Split(text, "\n") {
			trimmed := strings.TrimSpace(line)
			if strings.HasPrefix(trimmed, "::") || strings.Contains(line, "##[") {
				ts.Fatalf("%s:%d: a command to a CI system: %q", file, i+1, line)
			}
			for _, r := range line {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfffd {
					ts.Fatalf("%s:%d: %q in %q", file, i+1, r, line)
				}
			}
		}
	}
}

// cmdExactly wants a stream of the last command to be one line, word by word:
// exactly stdout|stderr LINE
func cmdExactly(ts *testscript.TestScript, _ bool, args []string) {
	got := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	if want := strings.Join(args[1:], "\n"); got != want {
		ts.Fatalf("%s is\n%s\nwant\n%s", args[0], got, want)
	}
}

func write(ts *testscript.TestScript, path, text string) {
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, []byte(text), 0o666))
}

func appendTo(ts *testscript.TestScript, path, text string) {
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	ts.Check(err)
	_, err = f.WriteString(text)
	ts.Check(errors.Join(err, f.Close()))
}
