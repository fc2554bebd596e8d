package ledger

import (
	"encoding/binary"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// bytecode explains byte code in a __pycache__ directory
// (https://peps.python.org/pep-3147/, https://peps.python.org/pep-0552/). Python
// compares the header with the source, unless the header tells it not to.
func (e *engine) bytecode(n rootfs.Node) bool {
	name := e.tree.Name(n)
	dir := e.tree.Parent(n)
	if e.tree.Kind(n) != rootfs.File || !isBytecode(name) || e.tree.Name(dir) != "__pycache__" || e.nodes[n].mode&setID != 0 {
		return false
	}
	module, tag, ok := strings.Cut(name, ".")
	if !ok {
		return false
	}
	f, err := e.tree.OpenFile(n)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [16]byte
	if got, _ := f.ReadAt(head[:], 0); got < len(head) || head[2] != '\r' || head[3] != '\n' {
		return e.nodes[n].size == 0
	}
	x := &e.nodes[n]
	source := e.tree.Child(e.tree.Parent(dir), module+".py")
	switch flags := binary.LittleEndian.Uint32(head[4:]); {
	case flags == 1:
		x.detail = detailBytecode
	case source == rootfs.None:
		return true // which Python does not load
	case flags == 0:
		size := int64(binary.LittleEndian.Uint32(head[12:]))
		if to := e.tree.ResolveNode(source); to != rootfs.None && e.nodes[to].summed && e.nodes[to].size&0xffffffff != size {
			return true // which Python replaces
		}
	case flags != 3:
		return false
	}
	if e.loads(tag, source, head) && e.foreign(n, source) {
		x.detail = detailStale
	}
	return true
}

// loads reports whether Python takes byte code for that of a source: the file has
// one of its names, and the time in the header is that of the source. (It has the
// same size.) pytest has names of its own, for code with rewritten assertions.
func (e *engine) loads(tag string, source rootfs.Node, head [16]byte) bool {
	tag = strings.TrimSuffix(tag, ".pyc")
	tag, opt, _ := strings.Cut(tag, ".")
	if !strings.HasPrefix(tag, "cpython-") || strings.Contains(tag, "pytest") || opt != "" && !strings.HasPrefix(opt, "opt-") {
		return false
	}
	if binary.LittleEndian.Uint32(head[4:]) != 0 {
		return true
	}
	to := e.tree.ResolveNode(source)
	if to == rootfs.None {
		return false
	}
	info, err := e.tree.Stat(to)
	return err == nil && uint32(info.ModTime().Unix()) == binary.LittleEndian.Uint32(head[8:])
}

// foreign reports whether byte code has a name that its source does not have. In
// an image neither is kept, and the digest of the content decides alone.
func (e *engine) foreign(n, source rootfs.Node) bool {
	code, err := e.tree.ReadFile(n, maxBytecode)
	if err != nil || len(code) < 16 {
		return false
	}
	to := e.tree.ResolveNode(source)
	if to == rootfs.None || e.tree.Kind(to) != rootfs.File {
		return false
	}
	text, err := e.tree.ReadFile(to, maxBytecode)
	return err == nil && foreignName(code, text) != ""
}

// pythonRecords explains the files of .dist-info that an installer writes.
func (e *engine) pythonRecords(n rootfs.Node) bool {
	return isInstallers(e.tree.Name(n)) && strings.HasSuffix(e.tree.Name(e.tree.Parent(n)), "-info") && e.inert(n)
}

// venvOf returns the directory of the virtual environment that a node is in, at
// most two levels above it, None without one.
func (e *engine) venvOf(n rootfs.Node) rootfs.Node {
	for d, levels := e.tree.Parent(n), 0; d != rootfs.None && levels < 2; d, levels = e.tree.Parent(d), levels+1 {
		if e.tree.Child(d, "pyvenv.cfg") != rootfs.None {
			return d
		}
	}
	return rootfs.None
}

// venv explains the files of a virtual environment that no distribution has
// (https://docs.python.org/3/library/venv.html).
func (e *engine) venv(n rootfs.Node) bool {
	v := e.venvOf(n)
	if v == rootfs.None {
		return false
	}
	rel := strings.TrimPrefix(strings.TrimPrefix(e.tree.Path(n), e.tree.Path(v)), "/")
	switch {
	case rel == "pyvenv.cfg":
		return e.venvConfig(n)
	case rel == "lib64":
		return e.tree.Target(n) == "lib"
	case rel == ".gitignore":
		text, _ := e.text(n)
		return strings.TrimSpace(text) == "*" || strings.HasSuffix(text, "\n*\n")
	case strings.HasPrefix(rel, "bin/python"), strings.HasPrefix(rel, "bin/pypy"):
		to := e.tree.ResolveNode(n)
		return e.tree.Kind(n) == rootfs.Symlink && to != rootfs.None && e.interpreter(to)
	case strings.HasPrefix(rel, "bin/"):
		return e.activate(n, v)
	}
	return false
}

// interpreter reports whether a file is a Python that something accounts for.
func (e *engine) interpreter(n rootfs.Node) bool {
	name := e.tree.Name(n)
	x := &e.nodes[n]
	return (strings.HasPrefix(name, "python") || strings.HasPrefix(name, "pypy")) && e.files.Code(n) == scan.CodeProgram && (e.vouched(n) || x.component > 0 && x.status == unchecked)
}

// venvConfig reports whether a pyvenv.cfg uses an interpreter that something
// accounts for, and no packages of the system.
func (e *engine) venvConfig(n rootfs.Node) bool {
	text, ok := e.text(n)
	if !ok || !e.inert(n) {
		return false
	}
	home := false
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		if !ok && strings.TrimSpace(line) != "" {
			return false
		}
		switch key {
		case "home":
			dir := e.tree.Resolve(value)
			for _, name := range []string{"python3", "python", "pypy3"} {
				if c := e.tree.Child(dir, name); dir != rootfs.None && c != rootfs.None {
					if to := e.tree.ResolveNode(c); to != rootfs.None && e.interpreter(to) {
						home = true
					}
				}
			}
		case "include-system-site-packages":
			if strings.ToLower(value) != "false" {
				return false
			}
		}
	}
	return home
}

// activate reports whether a script is the template of the interpreter's own venv
// module with nothing but names filled in.
func (e *engine) activate(n, v rootfs.Node) bool {
	name := e.tree.Name(n)
	if !strings.HasPrefix(strings.ToLower(name), "activate") || e.nodes[n].mode&(execute|setID) != 0 {
		return false
	}
	text, ok := e.text(n)
	if !ok {
		return false
	}
	python := e.tree.Child(e.tree.Child(v, "bin"), "python3")
	if python == rootfs.None {
		python = e.tree.Child(e.tree.Child(v, "bin"), "python")
	}
	to := e.tree.ResolveNode(python)
	if to == rootfs.None {
		return false
	}
	lib := path.Join(path.Dir(path.Dir(e.tree.Path(to))), "lib", e.tree.Name(to), "venv/scripts")
	for _, part := range []string{"common", "posix"} {
		template := e.tree.Resolve(path.Join(lib, part, name))
		if template == rootfs.None || e.nodes[template].status == changed || e.nodes[template].component == 0 {
			continue
		}
		want, ok := e.text(template)
		if ok && sameTemplate(want, text, e.tree.Path(v)) {
			return true
		}
	}
	return false
}

// sameTemplate reports whether a text is a template of venv with its variables
// replaced: by the directory, its name, or a prompt without special characters.
func sameTemplate(template, text, dir string) bool {
	for {
		i := strings.Index(template, "__VENV_")
		if i < 0 {
			return template == text
		}
		if len(text) < i || template[:i] != text[:i] {
			return false
		}
		template, text = template[i:], text[i:]
		end := strings.Index(template[7:], "__")
		if end < 0 {
			return false
		}
		variable := template[7 : 7+end]
		template = template[7+end+2:]
		stop := len(template)
		if j := strings.Index(template, "__VENV_"); j >= 0 {
			stop = j
		}
		// The value ends where the text after the variable begins.
		after := template[:min(stop, 8)]
		at := 0
		if after != "" {
			line := text
			if j := strings.IndexByte(text, '\n'); j >= 0 {
				line = text[:min(len(text), j+len(after))]
			}
			if at = strings.Index(line, after); at < 0 {
				return false
			}
		} else {
			at = len(text)
		}
		value := text[:at]
		if strings.ContainsAny(strings.ReplaceAll(strings.ReplaceAll(value, "'", ""), "\"", ""), "`$;|&<>\n\\") || variable == "DIR" && strings.Trim(value, "'\"") != dir {
			return false
		}
		text = text[at:]
	}
}

// npm explains what npm writes beside packages: its list of what is installed,
// and links to the commands of packages
// (https://docs.npmjs.com/cli/configuring-npm/folders).
func (e *engine) npm(n rootfs.Node) bool {
	dir := e.tree.Parent(n)
	if e.tree.Name(dir) == "node_modules" && e.tree.Name(n) == ".package-lock.json" {
		return e.inert(n)
	}
	if e.nodeLink(n) {
		return true
	}
	if e.tree.Kind(n) != rootfs.Symlink || e.tree.Name(dir) != ".bin" || e.tree.Name(e.tree.Parent(dir)) != "node_modules" {
		return false
	}
	to := e.tree.ResolveNode(n)
	if to == rootfs.None || e.nodes[to].component == 0 || e.nodes[to].status == unexplained {
		return false
	}
	_, inside := strings.CutPrefix(e.tree.Path(to), e.tree.Path(e.tree.Parent(dir))+"/")
	return inside
}

// certificates explains the bundle of certificates: each one in it is in a file of
// a package that is selected (update-ca-certificates(8)).
func (e *engine) certificates(n rootfs.Node) bool {
	p := e.tree.Path(n)
	if p == "/etc/ca-certificates.conf" {
		return e.inert(n)
	}
	if p != "/etc/ssl/certs/ca-certificates.crt" && p != "/etc/ssl/certs/java/cacerts" {
		return false
	}
	text, ok := e.text(n)
	if !ok || !e.inert(n) {
		return false
	}
	known := map[string]bool{}
	from, to := e.tree.Subtree(e.tree.Resolve("/usr/share/ca-certificates"))
	for c := from; c < to; c++ {
		if !e.vouched(c) {
			continue
		}
		if cert, ok := e.text(c); ok {
			for block := range pemBlocks(cert) {
				known[block] = true
			}
		}
	}
	blocks := 0
	left := text
	for block := range pemBlocks(text) {
		if !known[block] {
			return false
		}
		blocks++
		left = strings.Replace(left, block, "", 1)
	}
	return blocks > 0 && strings.TrimSpace(left) == ""
}

// pemBlocks yields the blocks of PEM in a text, as they are written.
func pemBlocks(text string) func(func(string) bool) {
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	return func(yield func(string) bool) {
		for {
			i := strings.Index(text, begin)
			if i < 0 {
				return
			}
			text = text[i:]
			j := strings.Index(text, end)
			if j < 0 || !yield(text[:j+len(end)]) {
				return
			}
			text = text[j+len(end):]
		}
	}
}
