package scan

import (
	"bufio"
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/pep508"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxRequirements is the number of requirements of one distribution. The
// largest real ones (with an extra for each plug-in) have some hundreds.
const maxRequirements = 10_000

// pythonSite is a directory that Python imports from.
type pythonSite struct {
	dir   rootfs.Node
	dists map[string]int // by normalised name, the units
	// exe is the interpreter, None without one, and via how it is reached.
	// more are other files that the interpreter needs for the packages of this
	// directory: the original of a copy, the standard library.
	exe  rootfs.Node
	via  string
	file string // the record of it, empty when the path of the directory decides
	more []rootfs.Node
	// env are the values of markers.
	env map[string]string
	// path are the directories that are searched for requirements.
	path []*pythonSite
}

// pythonDist is a distribution with its requirements.
type pythonDist struct {
	unit int
	site *pythonSite
	file string // the record of the requirements
	reqs []*pep508.Requirement
	// byExtra are the requirements whose marker names an extra.
	byExtra map[string][]int
	active  map[string]bool
	err     error
}

// python adds the relations of Python distributions to each other and to their
// interpreter.
func (e *edges) python(ctx context.Context) {
	sites := make(map[rootfs.Node]*pythonSite)
	var dists []*pythonDist
	for i := range e.units {
		u := &e.units[i]
		if u.Type != "pypi" || u.Kind != sbom.KindPackage || u.node == rootfs.None || u.carried {
			continue
		}
		dir := e.distSite(u)
		s := sites[dir]
		if s == nil {
			s = &pythonSite{dir: dir, dists: make(map[string]int), exe: rootfs.None}
			sites[dir] = s
		}
		if _, twice := s.dists[u.Name]; !twice {
			s.dists[u.Name] = i
		}
		if e.outside(i) {
			dists = append(dists, &pythonDist{unit: i, site: s, active: make(map[string]bool)})
		}
	}
	if len(dists) == 0 {
		return
	}
	for _, d := range dists {
		if d.site.env == nil {
			e.findInterpreter(d.site, sites)
		}
	}
	inParallel(ctx, len(dists), func(i int) { e.readRequirements(dists[i]) })
	byUnit := make(map[int]*pythonDist, len(dists))
	for _, d := range dists {
		byUnit[d.unit] = d
		if d.err != nil {
			e.unread(d.file, "the requirements of the distribution could not be read completely: "+d.err.Error())
		}
	}
	e.follow(ctx, dists, byUnit)
	for _, d := range dists {
		if e.units[d.unit].inside >= 0 {
			continue // its owner needs the interpreter
		}
		if d.site.exe == rootfs.None {
			continue
		}
		e.add(d.unit, e.ownerOf(d.site.exe), sbom.RelInterpreter, edgeReason{via: d.site.via, file: d.site.file})
		for _, n := range d.site.more {
			e.add(d.unit, e.ownerOf(n), sbom.RelInterpreter, edgeReason{via: e.tree.Path(n), file: d.site.file})
		}
	}
}

// distSite returns the directory that a distribution is imported from.
func (s *inventory) distSite(u *unit) rootfs.Node {
	switch {
	case u.FoundBy == "python-reader":
		return u.site
	case isDistName(s.tree.Name(u.node)): // a single file
		return s.siteOf(u.node)
	}
	return s.siteOf(s.tree.Parent(u.node))
}

// readRequirements reads the requirements of a distribution.
func (e *edges) readRequirements(d *pythonDist) {
	t := e.tree
	meta := e.units[d.unit].node
	d.file = t.Path(meta)
	lines, err := e.requirementLines(meta)
	if list := t.Child(t.Parent(meta), "requires.txt"); err == nil && len(lines) == 0 && t.Name(meta) == "PKG-INFO" && e.kept(list) {
		var data []byte
		data, err = t.ReadFile(list, maxPythonSmall)
		lines = eggRequirements(string(data))
		d.file = t.Path(list)
	}
	d.err = err
	d.byExtra = make(map[string][]int)
	for _, line := range lines {
		r, err := pep508.Parse(line)
		if err != nil {
			d.err = err
			continue
		}
		if len(d.reqs) == maxRequirements {
			d.err = &rootfs.LimitError{Path: d.file, Limit: maxRequirements}
			return
		}
		r.Marker.Settle(d.site.env)
		for _, extra := range r.Marker.Extras() {
			d.byExtra[extra] = append(d.byExtra[extra], len(d.reqs))
		}
		d.reqs = append(d.reqs, r)
	}
}

// requirementLines returns the Requires-Dist headers of a core metadata file.
func (e *edges) requirementLines(meta rootfs.Node) ([]string, error) {
	f, err := e.tree.OpenFile(meta)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseRequiresDist(f)
}

func parseRequiresDist(r io.Reader) ([]string, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxPythonMetadata))
	lines.Buffer(make([]byte, 0, 4096), maxPythonMetadata+1)
	lines.Split(anyLine)
	var out []string
	current := false
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if current {
				out[len(out)-1] += " " + strings.TrimSpace(line)
				current = len(out[len(out)-1]) <= pep508.MaxLength // enough to be refused
			}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		if current = ecosystem.EqualFold(key, "Requires-Dist"); current {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out, lines.Err()
}

// eggRequirements converts the list that setuptools writes beside PKG-INFO into
// lines of PEP 508: sections are "[extra:marker]"
// (https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html).
func eggRequirements(text string) []string {
	var out []string
	suffix := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			extra, condition, _ := strings.Cut(strings.Trim(line, "[]"), ":")
			suffix = ""
			if condition != "" {
				suffix = "(" + condition + ")"
			}
			if extra != "" {
				if suffix != "" {
					suffix += " and "
				}
				suffix += `extra == "` + extra + `"`
			}
		case suffix == "":
			out = append(out, line)
		default:
			out = append(out, line+" ; "+suffix)
		}
	}
	return out
}

// follow follows the requirements until no new extra is required.
func (e *edges) follow(ctx context.Context, dists []*pythonDist, byUnit map[int]*pythonDist) {
	type step struct {
		d     *pythonDist
		extra string
	}
	var todo []step
	for _, d := range dists {
		d.active[""] = true
		todo = append(todo, step{d, ""})
	}
	for len(todo) > 0 && ctx.Err() == nil {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		need := func(r *pep508.Requirement) {
			if !r.Marker.Holds(s.d.site.env, s.extra) {
				return
			}
			to := s.d.site.find(ecosystem.Python(r.Name))
			if to < 0 {
				return
			}
			e.add(s.d.unit, e.units[to].ID, sbom.RelDepends, edgeReason{via: r.Text, file: s.d.file})
			target := byUnit[to]
			if target == nil {
				return // a package of the system
			}
			for _, extra := range r.Extras {
				if _, asked := target.byExtra[extra]; asked && !target.active[extra] {
					target.active[extra] = true
					todo = append(todo, step{target, extra})
				}
			}
		}
		if s.extra == "" {
			for i := range s.d.reqs {
				need(s.d.reqs[i])
			}
			continue
		}
		for _, i := range s.d.byExtra[s.extra] {
			need(s.d.reqs[i])
		}
	}
}

// find returns the distribution that Python would find by a name, -1 if none.
func (s *pythonSite) find(name string) int {
	for _, dir := range s.path {
		if i, ok := dir.dists[name]; ok {
			return i
		}
	}
	return -1
}

// pythonDir matches the library directory of a version, also of PyPy.
var pythonDir = lazyregexp.New(`^(python|pypy)([0-9]+(?:\.[0-9]+)?)t?$`)

// findInterpreter derives the interpreter from the path of the directory
// (https://docs.python.org/3/library/site.html, and Debian's site.py, whose
// Python reads dist-packages).
func (e *edges) findInterpreter(s *pythonSite, sites map[rootfs.Node]*pythonSite) {
	t := e.tree
	prefix, flavour, version := rootfs.None, "python", ""
	lib := t.Parent(s.dir)
	if m := pythonDir.FindStringSubmatch(t.Name(lib)); m != nil && isSiteDir(t.Name(s.dir)) {
		flavour, version = m[1], m[2]
		if above := t.Parent(lib); strings.HasPrefix(t.Name(above), "lib") {
			prefix = t.Parent(above)
		}
	}
	name := flavour + version
	if flavour == "python" && version == "" {
		name = "python3"
	}
	venv := rootfs.None
	if prefix != rootfs.None {
		venv = t.ResolveNode(t.Child(prefix, "pyvenv.cfg"))
	}
	system := false // the directories of the base are read as well
	switch {
	case venv != rootfs.None && t.Kind(venv) == rootfs.File:
		s.file = t.Path(venv)
		system = e.readVenv(s, prefix, name, venv)
	case prefix == rootfs.None: // pip install --target
		system = true
		e.setInterpreter(s, e.program(name, rootfs.None))
	default:
		system = true
		near := prefix
		if t.Name(s.dir) == "dist-packages" && t.Path(prefix) == "/usr/local" {
			near = rootfs.None // Debian's own Python reads this one
			if n := t.Resolve("/usr/bin/" + name); n != rootfs.None && t.Kind(n) == rootfs.File {
				e.setInterpreter(s, n)
			}
		}
		if s.exe == rootfs.None {
			e.setInterpreter(s, e.program(name, near))
		}
	}
	if s.exe != rootfs.None && !strings.Contains(version, ".") {
		if m := pythonDir.FindStringSubmatch(t.Name(s.exe)); m != nil {
			version = m[2]
		}
	}
	s.env = e.markerValues(s.exe, flavour, version)
	s.path = []*pythonSite{s}
	base := rootfs.None
	if s.exe != rootfs.None {
		base = t.Parent(t.Parent(s.exe))
	}
	e.addLibrary(s, base, flavour+version)
	add := func(p string) {
		if other := sites[t.Resolve(p)]; other != nil && !slices.Contains(s.path, other) {
			s.path = append(s.path, other)
		}
	}
	if prefix != rootfs.None {
		for _, lib := range []string{"lib", "lib64"} {
			add(path.Join(t.Path(prefix), lib, flavour+version, "site-packages"))
		}
	}
	if !system || base == rootfs.None {
		return
	}
	for _, p := range importPath(t.Path(base), flavour+version) {
		add(p)
	}
}

// importPath returns the directories that an interpreter of a prefix reads by
// default.
func importPath(base, versioned string) []string {
	var out []string
	if base == "/usr" {
		for _, lib := range []string{"/usr/local/lib64/", "/usr/local/lib/"} {
			out = append(out, lib+versioned+"/site-packages", lib+versioned+"/dist-packages")
		}
	}
	out = append(out, path.Join(base, "lib64", versioned, "site-packages"), path.Join(base, "lib", versioned, "site-packages"))
	if base == "/usr" {
		out = append(out, "/usr/lib/python3/dist-packages", "/usr/lib/"+versioned+"/dist-packages")
	}
	return out
}

// readVenv reads pyvenv.cfg (PEP 405), and reports whether the virtual
// environment reads the directories of its base.
func (e *edges) readVenv(s *pythonSite, prefix rootfs.Node, name string, config rootfs.Node) bool {
	t := e.tree
	values := make(map[string]string)
	if e.kept(config) {
		data, err := t.ReadFile(config, maxPythonSmall)
		if err != nil {
			e.unread(t.Path(config), "the virtual environment's configuration cannot be read: "+reason(err))
		}
		for line := range strings.Lines(string(data)) {
			if key, value, ok := strings.Cut(line, "="); ok {
				values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
			}
		}
	}
	bin := t.Child(prefix, "bin")
	for _, program := range []string{name, "python3", "python", "pypy3", "pypy"} {
		link := t.Child(bin, program)
		n := t.ResolveNode(link)
		if n == rootfs.None || t.Kind(n) != rootfs.File {
			continue
		}
		e.setInterpreter(s, n)
		s.via = t.Path(link)
		break
	}
	if home := values["home"]; strings.HasPrefix(home, "/") {
		for _, program := range []string{name, "python3", "python"} {
			original := t.Resolve(path.Join(home, program))
			if original == rootfs.None || t.Kind(original) != rootfs.File {
				continue
			}
			if s.exe == rootfs.None || t.Parent(s.exe) == bin { // none, or a copy
				if s.exe != rootfs.None {
					s.more = append(s.more, s.exe)
				}
				via := s.via
				e.setInterpreter(s, original)
				if via != "" {
					s.via = via
				}
			}
			break
		}
	}
	return ecosystem.EqualFold(values["include-system-site-packages"], "true")
}

func (e *edges) setInterpreter(s *pythonSite, exe rootfs.Node) {
	if s.exe = exe; exe != rootfs.None {
		s.via = e.tree.Path(exe)
	}
}

// addLibrary adds the owners of the standard library's modules: a Python
// program needs them, and distributions split them into several packages.
func (e *edges) addLibrary(s *pythonSite, base rootfs.Node, versioned string) {
	t := e.tree
	if base == rootfs.None {
		return
	}
	var owners []string
	for _, lib := range []string{"lib", "lib64"} {
		dir := t.Resolve(path.Join(t.Path(base), lib, versioned))
		if dir == rootfs.None || t.Kind(dir) != rootfs.Dir || t.Child(dir, "os.py") == rootfs.None {
			continue
		}
		for n := range t.Children(dir) {
			if t.Kind(n) != rootfs.File || path.Ext(t.Name(n)) != ".py" {
				continue
			}
			if owner := e.ownerOf(n); owner != "" && !slices.Contains(owners, owner) {
				owners = append(owners, owner)
				s.more = append(s.more, n)
			}
		}
	}
}

// markerValues returns the values of a marker's variables, as far as the
// installed files determine them. Environments are Linux.
func (e *edges) markerValues(exe rootfs.Node, flavour, version string) map[string]string {
	env := map[string]string{
		"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
		"implementation_name": "cpython", "platform_python_implementation": "CPython",
	}
	if flavour == "pypy" {
		env["implementation_name"], env["platform_python_implementation"] = "pypy", "PyPy"
	}
	if strings.Contains(version, ".") {
		env["python_version"] = version
	}
	if exe == rootfs.None {
		return env
	}
	if machine := e.links.head(e.tree, exe).machineName(); machine != "" {
		env["platform_machine"] = machine
	}
	if owner := e.ownerOf(exe); owner != "" && env["python_version"] != "" {
		for i := range e.components {
			c := &e.components[i]
			if c.ID != owner || !strings.HasPrefix(c.Name, flavour) {
				continue
			}
			if m := wholeVersion.FindStringSubmatch(c.Version); m != nil && strings.HasPrefix(m[1], version+".") {
				env["python_full_version"] = m[1]
			}
			break
		}
	}
	return env
}

// wholeVersion matches the version of the interpreter in that of its package.
var wholeVersion = lazyregexp.New(`^(?:[0-9]+:)?([0-9]+\.[0-9]+\.[0-9]+)(?:[-+].*)?$`)
