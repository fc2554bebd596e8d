package judge

import (
	"fmt"
	"path"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// venvSite matches the record of a distribution in the packages of a prefix,
// with the prefix, which is empty where the environment is the prefix.
var venvSite = lazyregexp.New(`^(.*)/lib/(?:python|pypy)[0-9.]+/site-packages/[^/]+$|^(.*)/lib/(?:python|pypy)[0-9.]+/site-packages/[^/]+/METADATA$`)

// seededHint returns the end of the hint for the pip and setuptools that
// python -m venv installs into every environment from wheels of the interpreter:
// no lock of a project has them. They are not needed there, since another pip
// can install into the environment (pip 22.3 and later).
func (f *footprint) seededHint(ids []string) string {
	names, venv := "", ""
	for _, id := range ids {
		c := f.doc.Component(id)
		if c == nil || c.Type != "pypi" || c.Name != "pip" && c.Name != "setuptools" {
			continue
		}
		for _, at := range c.Paths {
			m := venvSite.FindStringSubmatch(at)
			if m == nil {
				continue
			}
			prefix := m[1] + m[2]
			if prefix == "/usr" || prefix == "/usr/local" || names != "" && prefix != venv || prefix != "" && !pasted.MatchString(prefix) {
				continue
			}
			if names != "" {
				names += " and "
			}
			names, venv = names+c.Name+" "+c.Version, prefix
			break
		}
	}
	if names == "" {
		return ""
	}
	where, dir := " in "+venv, venv
	if venv == "" {
		where, dir = "", "VENV"
	}
	return fmt.Sprintf("; for %s%s, which `python3 -m venv` installs, make it with `python3 -m venv --without-pip %s` and install with the pip outside of it, `python3 -m pip --python %s install --require-hashes -r requirements.txt`",
		names, where, dir, path.Join(dir, "bin/python"))
}
