package ospkg

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/version"
)

// parseApkDependencies parses a list of dependencies as in "D:", "p:" and
// etc/apk/world: names and provided names ("so:libc.so.6", "cmd:sh",
// "/bin/sh"), each with a version ("foo>=1.2", "foo~1.2", "foo><Q1...") and
// with "!" in front when it must not be installed. Such a conflict requires
// nothing and is left out. In world a name may have the tag of a repository,
// "foo@edge" (apk-world(5)).
func parseApkDependencies(s string, tags bool) ([]alternative, error) {
	var out []alternative
	for word := range strings.FieldsSeq(s) {
		text, conflict := strings.CutPrefix(word, "!")
		end := strings.IndexAny(text, "<>=~")
		if end < 0 {
			end = len(text)
		}
		a := alternative{name: text[:end]}
		if tags {
			a.name, _, _ = strings.Cut(a.name, "@")
		}
		if !validApkCapability(a.name) {
			return nil, fmt.Errorf("%s is not a dependency", excerpt(word))
		}
		if end < len(text) {
			op := end
			for op < len(text) && strings.IndexByte("<>=~", text[op]) >= 0 {
				op++
			}
			a.op, a.version = text[end:op], strings.Clone(text[op:])
			if a.version == "" || !printable(a.version) {
				return nil, fmt.Errorf("%s has no version after %s", excerpt(word), a.op)
			}
		}
		if conflict {
			continue
		}
		a.name, a.op = strings.Clone(a.name), strings.Clone(a.op)
		out = append(out, a)
	}
	return out, nil
}

// relating returns the rules by which apk's packages depend on each other.
func (d *apk) relating() relating {
	offers := d.offers()
	needs := make([][]requires, len(d.packages))
	for i, p := range d.packages {
		needs[i] = []requires{{sbom.RelDepends, single(p.depends)}}
	}
	d.addInstallIf(offers, needs)
	return relating{
		offers:    offers,
		requires:  func(i int) []requires { return needs[i] },
		satisfies: func(o offer, a alternative, _ int) bool { return d.satisfies(o, a) },
		write:     func(r requirement) string { return r[0].name + r[0].op + r[0].version },
	}
}

func (d *apk) offers() map[string][]offer {
	offers := map[string][]offer{}
	for i, p := range d.packages {
		offers[p.name] = append(offers[p.name], offer{component: i, version: p.version})
	}
	for i, p := range d.packages {
		for _, a := range p.provides {
			offers[a.name] = append(offers[a.name], offer{i, a.version, true})
		}
	}
	return offers
}

// addInstallIf reverses "install me when all of these are installed", so that
// why can answer for such a package: each of those packages recommends it. No
// other kind of relation is nearer. apk would also remove the package when only
// one of them is removed.
func (d *apk) addInstallIf(offers map[string][]offer, needs [][]requires) {
	// A rule that many packages have is one requirement of each package that it names.
	type need struct {
		from int
		rule string
	}
	known := map[need]bool{}
	matches, rules := 0, 0
	for i, p := range d.packages {
		var from []int
		for _, a := range p.installIf {
			found := false
			if matches += len(offers[a.name]); matches > maxMatches || rules > maxRelations {
				d.gap(sbom.GapLimit, d.Components[i].Paths[0], "install_if of packages from %s on is not followed: more than %d candidates", p.name, maxMatches)
				return
			}
			for _, o := range offers[a.name] {
				if o.component != i && d.satisfies(o, a) {
					from, found = append(from, o.component), true
				}
			}
			if !found {
				from = nil
				break
			}
		}
		if len(from) == 0 {
			continue
		}
		rule := alternative{name: "install_if " + joinApk(p.installIf)}
		offers[rule.name] = append(offers[rule.name], offer{component: i, provided: true})
		rules += len(from)
		for _, j := range from {
			if known[need{j, rule.name}] {
				continue
			}
			known[need{j, rule.name}] = true
			needs[j] = append(needs[j], requires{sbom.RelRecommends, []requirement{{rule}}})
		}
	}
}

func joinApk(all []alternative) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.name + a.op + a.version
	}
	return strings.Join(words, " ")
}

// satisfies follows apk_dep_is_provided: a name provided without a version
// satisfies any version.
func (d *apk) satisfies(o offer, a alternative) bool {
	switch {
	case a.op == "":
		return true
	case strings.Contains(a.op, "<") && strings.Contains(a.op, ">") && !strings.Contains(a.op, "="):
		return d.packages[o.component].identity == a.version
	case o.version == "":
		return true
	}
	return version.ApkSatisfies(o.version, a.op, a.version)
}

// validApkCapability reports whether a dependency may have that name: a
// package, a path, or a kind and a name ("so:libz.so.1", "py3.11:foo", "pc:x").
func validApkCapability(s string) bool { return s != "" && printable(s) }

// printable reports whether a text has printable ASCII characters only, and no
// blank.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
