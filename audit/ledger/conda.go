package ledger

import (
	"bytes"
	"path"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/depaudit/depaudit/lockcheck/artifact"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// prefixed is how conda changed a file: it replaced a placeholder by the path of
// the environment.
type prefixed struct {
	placeholder, prefix string
	binary              bool
}

// condaRecords returns the records of a component that are of the build that a
// manifest is of: conda-meta/NAME-VERSION-BUILD.json.
func (e *engine) condaRecords(c *sbom.Component, m *artifact.Manifest) []rootfs.Node {
	var out []rootfs.Node
	for _, file := range c.Paths {
		n := e.tree.Lookup(sbom.Unescape(file))
		if n != rootfs.None && e.tree.Name(n) == m.Name+"-"+m.Version+"-"+m.Record["build"]+".json" {
			out = append(out, n)
		}
	}
	return out
}

// placeConda places the files of a conda package in each prefix that has its
// record. Those of a package for any Python are in the directory of modules of the
// Python of the prefix (conda's core/path_actions.py).
func (p *placer) placeConda(w *want, m *artifact.Manifest, out *found) {
	t := p.tree
	for _, record := range p.condaRecords(&p.doc.Components[w.component], m) {
		if p.nodes[record].component != w.component+1 {
			continue
		}
		prefix := t.Parent(t.Parent(record))
		root, site := t.Path(prefix), p.condaSite(prefix)
		for i := range m.Files {
			f := &m.Files[i]
			full := path.Join(root, f.Path)
			switch f.Place {
			case "site-packages":
				if site == "" {
					continue
				}
				full = path.Join(site, f.Path)
			case "scripts":
				full = path.Join(root, "bin", f.Path)
			}
			from := len(out.expected)
			p.placeFile(w, f, full, out)
			if len(out.expected) > from && (f.Rewrite == artifact.RewritePrefix || f.Rewrite == artifact.RewriteBinary) {
				out.expected[from].prefix = &prefixed{f.Target, root, f.Rewrite == artifact.RewriteBinary}
			}
		}
		for _, program := range m.Programs {
			n := t.ResolveParent(path.Join(root, "bin", program.Name))
			if n != rootfs.None && p.nodes[n].component == w.component+1 && p.isConsoleScript(n, program.Target) {
				out.scripts = append(out.scripts, n)
			}
		}
	}
}

// condaSite returns the directory of modules of the Python in a prefix, "" without
// one. lib/python3.1 is a link of conda's for Python 3.10 and later.
func (p *placer) condaSite(prefix rootfs.Node) string {
	t := p.tree
	lib := t.Child(prefix, "lib")
	if lib == rootfs.None {
		return ""
	}
	for n := range t.Children(lib) {
		if strings.HasPrefix(t.Name(n), "python") && t.Kind(n) == rootfs.Dir {
			if site := t.Child(n, "site-packages"); site != rootfs.None {
				return t.Path(site)
			}
		}
	}
	return ""
}

// samePrefixed reports whether a file is that of an artifact after conda replaced
// the placeholder in it: it is when putting the placeholder back gives the
// artifact's content. known is false for a content that cannot be read, as that of
// a file of an image that is not kept.
func (e *engine) samePrefixed(n rootfs.Node, w *expectation) (same, known bool) {
	data, err := e.tree.ReadFile(n, maxRecord)
	if err != nil {
		return false, false
	}
	restored, ok := w.prefix.restore(data)
	return ok && blake3.Sum256(restored) == w.digest, true
}

// restore undoes what conda does to a file (conda's core/portability.py,
// replace_prefix and binary_replace). In a binary file each string with the path is
// followed by the NUL bytes that it is shorter than the one before.
func (x *prefixed) restore(data []byte) ([]byte, bool) {
	prefix, placeholder := []byte(x.prefix), []byte(x.placeholder)
	if len(prefix) < 2 || len(placeholder) == 0 {
		return nil, false
	}
	if !x.binary {
		return bytes.ReplaceAll(data, prefix, placeholder), true
	}
	shorter := len(placeholder) - len(prefix)
	if shorter < 0 {
		return nil, false
	}
	out := make([]byte, 0, len(data))
	for {
		i := bytes.Index(data, prefix)
		if i < 0 {
			return append(out, data...), true
		}
		end := bytes.IndexByte(data[i:], 0)
		if end < 0 {
			return nil, false
		}
		text := data[i : i+end]
		pad := shorter * bytes.Count(text, prefix)
		rest := data[i+end:]
		if len(rest) < 1+pad || bytes.Trim(rest[:pad], "\x00") != nil && len(bytes.Trim(rest[:pad], "\x00")) > 0 {
			return nil, false
		}
		out = append(out, data[:i]...)
		out = append(out, bytes.ReplaceAll(text, prefix, placeholder)...)
		data = rest[pad:]
	}
}

// condaRecord explains the records that conda keeps of a prefix: those of its
// packages, and the list of what was installed and removed.
func (e *engine) condaRecord(n rootfs.Node) bool {
	name := e.tree.Name(n)
	parent := e.tree.Parent(n)
	return parent != rootfs.None && e.tree.Name(parent) == "conda-meta" && (strings.HasSuffix(name, ".json") || name == "history" || name == "state" || name == "pixi") && e.inert(n)
}
