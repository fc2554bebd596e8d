package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Who installed what no lock pins.
//
// An installer that works from a lock and one that was called later leave their
// names: INSTALLER of Python's distributions, npm's record of node_modules. Where
// the locked packages of a place are one installer's, a package beside them that
// another one installed, or that no one recorded, went past the lock.

// pythonPlace and nodePlace match the place of a package that packages are
// installed into together.
var (
	pythonPlace = lazyregexp.New(`^(.*/(?:site|dist)-packages)/`)
	nodePlace   = lazyregexp.New(`^(.*?/node_modules)/`)
	pipxVenv    = lazyregexp.New(`/pipx/venvs/([^/]+)/`)
	condaRecord = lazyregexp.New(`^(.*)/conda-meta/[^/]+\.json$`)
)

// placeOf returns the place of a package, empty where it has none or several.
func placeOf(c *sbom.Component) string {
	pattern := map[string]*lazyregexp.Regexp{"pypi": pythonPlace, "npm": nodePlace}[c.Type]
	if pattern == nil {
		return ""
	}
	at := ""
	for _, p := range c.Paths {
		m := pattern.FindStringSubmatch(p)
		if m == nil || at != "" && at != m[1] {
			return ""
		}
		at = m[1]
	}
	return at
}

// byInstaller are the locked packages of one place by their installer.
type byInstaller map[string]int

// most returns the installer of most locked packages, and their number.
func (b byInstaller) most() (name string, n int) {
	for _, who := range sortedKeys(b) {
		if b[who] > n {
			name, n = who, b[who]
		}
	}
	return name, n
}

func sortedKeys(b byInstaller) []string {
	var out []string
	for k := range b {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// tellInstallers adds to the reasons of the packages that no lock pins who
// installed them.
func (f *footprint) tellInstallers() {
	locked := map[string]byInstaller{}
	required := map[string]bool{}
	conda := map[string]bool{} // prefixes
	for i := range f.doc.Components {
		if c := &f.doc.Components[i]; c.Type == "conda" {
			for _, p := range c.Paths {
				if m := condaRecord.FindStringSubmatch(p); m != nil {
					conda[m[1]] = true
				}
			}
		}
	}
	for _, r := range f.doc.Relations {
		required[r.To] = true
	}
	for i := range f.dependencies {
		d := &f.dependencies[i]
		at := placeOf(&d.Component)
		if d.Provenance != audit.FromLock || at == "" || len(d.Installers) != 1 {
			continue
		}
		if locked[at] == nil {
			locked[at] = byInstaller{}
		}
		locked[at][d.Installers[0]]++
	}
	for i := range f.dependencies {
		d := &f.dependencies[i]
		if d.Provenance != audit.FromNowhere || d.Kind != sbom.KindPackage || d.Why == nil {
			continue
		}
		who, n := locked[placeOf(&d.Component)].most()
		text := installedBy(&d.Component, who, n)
		if text == "" {
			continue
		}
		if past := len(d.Installers) != 1 || d.Installers[0] != who; past && who != "" {
			f.past = append(f.past, d.ID)
		}
		switch {
		case d.Type == "pypi" && d.InstallReason == sbom.ReasonExplicit:
			text += ", requested by name"
		case slices.Equal(d.Installers, []string{"npm"}) && !required[d.ID] && d.InstallReason != sbom.ReasonExplicit:
			text += ", and no package.json requires it (npm install --no-save)"
		}
		for _, p := range d.Paths {
			if m := pipxVenv.FindStringSubmatch(p); m != nil {
				text += ", in the environment of pipx for " + m[1]
				break
			}
			if prefix, ok := around(conda, p); ok && d.Type == "pypi" {
				text += ", into the conda environment " + cmp.Or(prefix, "/")
				break
			}
		}
		why := *d.Why
		why.Detail += "; " + sbom.ValidText(text)
		d.Why = &why
	}
}

// around returns the innermost directory of a set that a path is in.
func around(dirs map[string]bool, at string) (dir string, ok bool) {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i] == '/' && dirs[at[:i]] {
			return at[:i], true
		}
	}
	return "", false
}

// setOf returns the texts of a list.
func setOf(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}

// installedBy returns who installed a package, beside n locked packages that who
// installed.
func installedBy(c *sbom.Component, who string, n int) string {
	who = who + " as " + wording.Count(n, "locked package", "locked packages") + " there"
	switch by := strings.Join(c.Installers, " and "); {
	case by == "" && n == 0:
		return ""
	case by == "":
		return "no record of an installer, not by " + who
	case n == 0 || strings.HasPrefix(who, by+" as "):
		return "installed by " + by
	default:
		return "installed by " + by + ", not by " + who
	}
}

// pastLock returns the end of the message about packages that no lock pins: how
// many of them another installer put beside the locked ones.
func (f *footprint) pastLock(ids []string) string {
	n, past := 0, setOf(f.past)
	for _, id := range ids {
		if past[id] {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s not installed by the program that installed the locked packages beside %s",
		wording.Count(n, "was", "were"), map[bool]string{true: "it", false: "them"}[n == 1])
}
