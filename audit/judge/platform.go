package judge

import (
	"cmp"
	"path"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// platform is the platform of an environment, as far as the document shows it:
// that of the image, the architecture of the packages of the system, and the
// interpreters that packages are installed for. It decides which entries of a
// lock apply.
type platform struct {
	doc *sbom.Document
	// machine is the value of platform.machine() in Python, "" when unknown.
	machine string
	npm     lockcheck.Platform
	// markers has the values that all Python environments share.
	markers map[string]string
	// interpreters has the relations of packages to their interpreters.
	interpreters map[string][]sbom.Relation
	// only is the version of the only Python that the document has, for packages
	// whose place shows none.
	only map[string]string
}

func newPlatform(doc *sbom.Document) *platform {
	p := &platform{doc: doc, interpreters: map[string][]sbom.Relation{}}
	system, arch, _ := strings.Cut(doc.Environment.Image.Platform, "/")
	arch, _, _ = strings.Cut(arch, "/")
	if system == "" && (doc.Environment.OS.ID != "" || !audit.IsDocument(doc.Environment.Kind)) {
		system = "linux" // the trees that are scanned are Linux'
	}
	if strings.EqualFold(doc.Environment.OS.ID, "freebsd") {
		system = "freebsd"
	}
	a := machines()[cmp.Or(arch, p.packagesArch(), p.condaArch())]
	p.machine, p.npm.CPU = a.machine, a.cpu
	switch system {
	case "linux":
		p.npm.OS, p.npm.Libc = "linux", p.libc()
		p.markers = map[string]string{"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
		if p.machine != "" {
			p.markers["platform_machine"] = p.machine
		}
	case "windows":
		p.npm.OS = "win32"
		p.markers = map[string]string{"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"}
		if arch != "" {
			p.markers["platform_machine"] = strings.ToUpper(arch) // as in PROCESSOR_ARCHITECTURE
		}
	case "freebsd":
		p.npm.OS = "freebsd"
		p.markers = map[string]string{"os_name": "posix", "platform_system": "FreeBSD"}
	}
	for _, r := range doc.Relations {
		if r.Kind == sbom.RelInterpreter {
			p.interpreters[r.From] = append(p.interpreters[r.From], r)
		}
	}
	p.only = p.onlyPython()
	return p
}

type machine struct{ machine, cpu string }

// machines returns the names that Python and Node.js have for the architectures
// of package databases and images. A 32-bit system can run on a 64-bit kernel,
// whose name platform.machine() then returns, so that it is unknown there.
func machines() map[string]machine {
	x64, arm64 := machine{"x86_64", "x64"}, machine{"aarch64", "arm64"}
	ia32, arm := machine{"", "ia32"}, machine{"", "arm"}
	ppc64, s390x, riscv64, loong64 := machine{"ppc64le", "ppc64"}, machine{"s390x", "s390x"}, machine{"riscv64", "riscv64"}, machine{"loongarch64", "loong64"}
	return map[string]machine{
		"amd64": x64, "x86_64": x64, "arm64": arm64, "aarch64": arm64,
		"i386": ia32, "386": ia32, "i486": ia32, "i586": ia32, "i686": ia32, "x86": ia32,
		"armhf": arm, "armel": arm, "arm": arm, "armv7": arm, "armv7hl": arm, "armv7h": arm,
		"ppc64el": ppc64, "ppc64le": ppc64, "s390x": s390x, "riscv64": riscv64, "loong64": loong64, "loongarch64": loong64,
	}
}

// packagesArch returns the architecture of the packages of the system, "" when
// they are of several.
func (p *platform) packagesArch() string {
	one := ""
	for i := range p.doc.Components {
		c := &p.doc.Components[i]
		if _, known := machines()[c.Arch]; c.Kind != sbom.KindOS || !known {
			continue
		}
		if one != "" && one != c.Arch && machines()[one] != machines()[c.Arch] {
			return ""
		}
		one = c.Arch
	}
	return one
}

// condaArch returns the architecture of the packages of conda, "" when they are of
// several or of none in particular.
func (p *platform) condaArch() string {
	one := ""
	for i := range p.doc.Components {
		c := &p.doc.Components[i]
		if c.Type != "conda" {
			continue
		}
		m := condaSubdir.FindStringSubmatch(c.PURL)
		if m == nil {
			continue
		}
		arch := m[1]
		if arch == "64" {
			arch = "x86_64"
		}
		if one != "" && one != arch {
			return ""
		}
		one = arch
	}
	return one
}

// condaSubdir is the platform of a Linux package in its package URL.
var condaSubdir = lazyregexp.New(`[?&]subdir=linux-([a-z0-9]+)(?:&|$)`)

// libc returns the C library as npm names it, "" when the packages of the system
// have none or both.
func (p *platform) libc() string {
	found := map[string]bool{}
	for i := range p.doc.Components {
		if c := &p.doc.Components[i]; c.Kind == sbom.KindOS {
			switch c.Name {
			case "libc6", "glibc":
				found["glibc"] = true
			case "musl":
				found["musl"] = true
			}
		}
	}
	switch {
	case found["glibc"] && !found["musl"]:
		return "glibc"
	case found["musl"] && !found["glibc"]:
		return "musl"
	}
	return ""
}

var (
	// pythonSite is the directory of a Python version in a path, also of PyPy.
	pythonSite = lazyregexp.New(`/(python|pypy)([0-9]+\.[0-9]+)t?/(?:site|dist)-packages/`)
	// pythonProgram is the name of an interpreter or of its package.
	pythonProgram = lazyregexp.New(`^(?:lib)?(python|pypy)([0-9]+\.[0-9]+)?t?(?:-|$)`)
	// pythonVersion is the version of an interpreter in that of its package.
	pythonVersion = lazyregexp.New(`^(?:[0-9]+:)?(([0-9]+\.[0-9]+)\.[0-9]+)(?:[-+~_].*)?$`)
)

// python returns the environments that a Python package is installed in, each
// once: by the directories that it is in, or else by its interpreter, or else by
// the only Python of the document.
func (p *platform) python(c *sbom.Component) []map[string]string {
	if c.Type != "pypi" {
		return nil
	}
	seen := map[string]bool{}
	var out []map[string]string
	add := func(env map[string]string) {
		key := env["implementation_name"] + " " + env["python_version"] + " " + env["python_full_version"]
		if !seen[key] {
			seen[key] = true
			out = append(out, env)
		}
	}
	installed := p.interpreter(c)
	for _, at := range c.Paths {
		if m := lastMatch(pythonSite, at); m != nil {
			full := ""
			if installed["python_version"] == m[2] {
				full = installed["python_full_version"]
			}
			add(p.environment(m[1], m[2], full))
			continue
		}
		add(installed)
	}
	if len(out) == 0 {
		add(installed)
	}
	return out
}

// lastMatch returns the last match of an expression whose matches may overlap
// in one slash.
func lastMatch(re *lazyregexp.Regexp, s string) []string {
	all := re.FindAllStringSubmatch(s, -1)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// interpreter returns the environment of the interpreter that the scan found
// for a package.
func (p *platform) interpreter(c *sbom.Component) map[string]string {
	flavour, short, full := "", "", ""
	for _, r := range p.interpreters[c.ID] {
		m := pythonProgram.FindStringSubmatch(path.Base(r.Via))
		to := p.doc.Component(r.To)
		if m == nil || to == nil {
			continue // a module of the standard library
		}
		flavour = m[1]
		if m[2] != "" {
			short = m[2]
		}
		if name := pythonProgram.FindStringSubmatch(to.Name); name != nil {
			if v := pythonVersion.FindStringSubmatch(to.Version); v != nil && (short == "" || short == v[2]) && flavour == "python" {
				short, full = v[2], v[1]
			} else if short == "" {
				short = name[2]
			}
		}
	}
	if flavour == "" && short == "" {
		return p.only
	}
	return p.environment(flavour, short, full)
}

// environment returns the values of the marker variables.
func (p *platform) environment(flavour, short, full string) map[string]string {
	env := map[string]string{}
	for name, value := range p.markers {
		env[name] = value
	}
	switch flavour {
	case "python":
		env["implementation_name"], env["platform_python_implementation"] = "cpython", "CPython"
	case "pypy":
		env["implementation_name"], env["platform_python_implementation"] = "pypy", "PyPy"
	}
	if short != "" {
		env["python_version"] = short
	}
	if full != "" {
		env["python_full_version"] = full
	}
	return env
}

// onlyPython returns the environment of the only version of CPython among the
// components, and one without a version where there is none or several.
func (p *platform) onlyPython() map[string]string {
	short, full := "", ""
	for i := range p.doc.Components {
		c := &p.doc.Components[i]
		name := pythonProgram.FindStringSubmatch(c.Name)
		v := pythonVersion.FindStringSubmatch(c.Version)
		if c.Type == "pypi" || c.Kind == sbom.KindFiles || v == nil || name == nil || name[1] != "python" || strings.Contains(c.Name, "-") && name[2] == "" {
			continue
		}
		if name[2] != "" && name[2] != v[2] || short != "" && short != v[2] {
			return p.environment("", "", "")
		}
		if short = v[2]; full != "" && full != v[1] {
			full = "-"
		} else if full == "" {
			full = v[1]
		}
	}
	if short == "" {
		return p.environment("", "", "")
	}
	return p.environment("python", short, strings.TrimPrefix(full, "-"))
}
