package lockcheck

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/pep508"
)

// Platform is the platform that npm compares with the fields "os", "cpu" and
// "libc" of a package. Empty values are unknown.
type Platform struct {
	OS   string // as Node.js' process.platform: "linux", "win32"
	CPU  string // as Node.js' process.arch: "x64", "arm64"
	Libc string // "glibc" or "musl"
}

// condition is the condition under which an installer takes an entry. The zero
// value always holds.
type condition struct {
	// markers are alternatives: Poetry has one for each group, uv one for each
	// fork of its resolution.
	markers []*pep508.Marker
	// lock are alternatives for the whole lock: the environments that it was
	// made for, anywhere else its installer refuses it.
	lock []*pep508.Marker
	// requires are the versions of Python that the entry is for (PEP 751).
	requires pep508.Specifiers
	// os, cpu and libc are npm's lists; see [fits].
	os, cpu, libc []string
	// platforms are alternatives, as conda names them: "linux-64".
	platforms []string
}

// applies evaluates the condition in one Python environment and on a platform.
func (c *condition) applies(env pep508.Environment, on Platform) pep508.Truth {
	holds := anyApplies(c.markers, env)
	if anyApplies(c.lock, env) == pep508.False {
		return pep508.False
	}
	holds = min(holds, c.python(env), fits(on.OS, c.os), fits(on.CPU, c.cpu), onPlatforms(c.platforms, on))
	if len(c.libc) > 0 && on.OS != "" && on.OS != "linux" {
		return pep508.False // npm-install-checks: only Linux has a choice
	}
	return min(holds, fits(on.Libc, c.libc))
}

// anyApplies returns the truth of a list of alternatives. An empty list holds.
func anyApplies(markers []*pep508.Marker, env pep508.Environment) pep508.Truth {
	if len(markers) == 0 {
		return pep508.True
	}
	holds := pep508.False
	for _, m := range markers {
		holds = max(holds, m.Applies(env))
	}
	return holds
}

// python compares the versions of Python, of which the last number may be
// unknown. An installer refuses the whole lock where they do not fit, so that
// not to know the version is no doubt about the entry.
func (c *condition) python(env pep508.Environment) pep508.Truth {
	var tried []string
	if full := env["python_full_version"]; full != "" {
		tried = []string{full}
	} else if short := env["python_version"]; short != "" {
		tried = []string{short + ".0", short + ".999"}
	}
	refused := 0
	for _, v := range tried {
		if admits, known := c.requires.Admits(v); known && !admits {
			refused++
		}
	}
	if len(tried) > 0 && refused == len(tried) {
		return pep508.False
	}
	return pep508.True
}

// fits compares a value with one of npm's lists, as the module
// npm-install-checks does: "any", allowed values, or excluded ones after "!".
func fits(value string, list []string) pep508.Truth {
	if len(list) == 0 || len(list) == 1 && list[0] == "any" {
		return pep508.True
	}
	if value == "" {
		return pep508.Unknown
	}
	excluded, match := 0, false
	for _, want := range list {
		if other, not := strings.CutPrefix(want, "!"); not {
			if excluded++; other == value {
				return pep508.False
			}
			continue
		}
		match = match || want == value
	}
	if match || excluded == len(list) {
		return pep508.True
	}
	return pep508.False
}

// text returns the condition of an entry, and the values of the environment that
// it depends on: "python_version < '3.8' (requirements.txt:3), and this
// environment has python_version 3.11". marker is the text of the markers.
func (c *condition) text(marker string, e *Entry, env pep508.Environment, on Platform) string {
	var want, have, unknown []string
	compare := func(name, value string) {
		switch text := name + " " + value; {
		case value == "" && !slices.Contains(unknown, name):
			unknown = append(unknown, name)
		case value != "" && !slices.Contains(have, text):
			have = append(have, text)
		}
	}
	if marker != "" {
		want = append(want, oneLine(marker))
	}
	markers := c.markers
	if anyApplies(c.lock, env) == pep508.False {
		want = append(want, "the environments of the lock")
		markers = append(slices.Clone(markers), c.lock...)
	}
	for _, m := range markers {
		for _, name := range m.Variables() {
			if name == "python_full_version" && env[name] == "" {
				compare("python_version", env["python_version"])
			} else {
				compare(name, env[name])
			}
		}
	}
	if c.python(env) == pep508.False {
		var list []string
		for _, s := range c.requires {
			list = append(list, s.Operator+s.Version)
		}
		want = append(want, "Python "+oneLine(strings.Join(list, ",")))
		compare("python_version", env["python_version"])
	}
	for _, field := range []struct {
		name, value string
		list        []string
	}{{"os", on.OS, c.os}, {"cpu", on.CPU, c.cpu}, {"libc", on.Libc, c.libc}} {
		if len(field.list) > 0 {
			want = append(want, field.name+" "+oneLine(strings.Join(field.list, ", ")))
			compare(field.name, field.value)
		}
	}
	if len(c.platforms) > 0 {
		want = append(want, oneLine(strings.Join(c.platforms, ", ")))
		compare("os", on.OS)
		compare("cpu", on.CPU)
	}
	var present []string
	if len(have) > 0 {
		present = append(present, "has "+strings.Join(have, ", "))
	}
	if len(unknown) > 0 {
		present = append(present, "does not show "+strings.Join(unknown, ", "))
	}
	return strings.Join(want, " and ") + " (" + place(e) + "), and this environment " + strings.Join(present, " and ")
}

// oneLine shortens untrusted text for a sentence in which quotes would be read as
// a part of it. Control characters are the renderer's task, as everywhere.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}
