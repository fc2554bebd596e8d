package ospkg

import (
	"slices"

	"github.com/depaudit/depaudit/sbom/version"
)

// relating returns the rules by which dpkg's packages depend on each other.
func (d *dpkg) relating() relating {
	offers := map[string][]offer{}
	for i, p := range d.packages {
		offers[p.name] = append(offers[p.name], offer{component: i, version: p.version})
	}
	for i, p := range d.packages {
		for _, a := range p.provides {
			// Provides may only have "=" (Debian Policy, section 7.5).
			if a.op == "=" || a.op == "" {
				offers[a.name] = append(offers[a.name], offer{i, a.version, true})
			}
		}
	}
	return relating{
		offers:    offers,
		requires:  func(i int) []requires { return d.packages[i].requires },
		satisfies: d.satisfies,
		write:     requirement.String,
	}
}

// satisfies reports whether an offer satisfies a requirement: by version
// (Debian Policy, section 7.1; a Provides without a version satisfies no
// versioned requirement, section 7.5) and by architecture (archsatisfied in
// dpkg's lib/dpkg/depcon.c).
func (d *dpkg) satisfies(o offer, a alternative, from int) bool {
	if a.op != "" && (o.version == "" || !a.accepts(o.version, version.Deb)) {
		return false
	}
	p, to := d.packages[from], d.packages[o.component]
	switch a.arch {
	case "":
		return to.multiArch == "foreign" || d.arch(to.arch) == d.arch(p.arch)
	case "any":
		return to.multiArch == "allowed" || to.multiArch == "foreign" || d.arch(to.arch) == d.arch(p.arch)
	case "native":
		return d.arch(to.arch) == d.native
	}
	return d.arch(to.arch) == a.arch
}

// arch returns the architecture that a package runs on.
func (d *dpkg) arch(arch string) string {
	if arch == "all" || arch == "" {
		return d.native
	}
	return arch
}

// mayShare reports whether two packages may list the same file: two
// architectures of one package may (Multi-Arch: same), and a package that
// replaces another one takes over its files (Debian Policy, section 7.6.1).
func (d *dpkg) mayShare(a, b int) bool {
	x, y := d.packages[a], d.packages[b]
	return x.name == y.name || x.replacesAny(y) || y.replacesAny(x)
}

func (p *dpkgRecord) replacesAny(other *dpkgRecord) bool {
	return slices.ContainsFunc(p.replaces, func(a alternative) bool { return a.name == other.name })
}
