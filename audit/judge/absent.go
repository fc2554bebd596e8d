package judge

import (
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// maxAbsent is the number of locked packages that a report has of those that are
// not installed. A lock that is for another stage as well has some hundred.
const maxAbsent = 5000

// absent returns what the locks have and the environment does not.
func (f *footprint) absent() (list []audit.Absent, more int) {
	if len(f.locks) == 0 {
		return nil, 0
	}
	var installedHere []lockcheck.Package
	var envs []map[string]string
	known := map[string]bool{}
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		if c.Kind != sbom.KindPackage {
			continue
		}
		installedHere = append(installedHere, installed(c))
		for _, env := range f.platform.python(c) {
			key := env["implementation_name"] + " " + env["python_version"] + " " + env["python_full_version"]
			if !known[key] {
				known[key] = true
				envs = append(envs, env)
			}
		}
	}
	if len(envs) == 0 {
		envs = append(envs, f.platform.only)
	}
	for _, a := range f.set.Absent(installedHere, envs, f.platform.npm) {
		if len(list) == maxAbsent {
			more++
			continue
		}
		e := a.Entry
		x := audit.Absent{
			Type: e.Type, Name: sbom.ValidText(e.FullName()), Version: sbom.ValidText(e.Version), Lock: *lockRef(e),
			Dev: e.Dev, Optional: e.Optional, Unknown: a.Unknown,
		}
		for _, v := range a.Others {
			x.Installed = append(x.Installed, sbom.ValidText(v))
		}
		x.Installed = slices.Compact(x.Installed)
		list = append(list, x)
	}
	return list, more
}
