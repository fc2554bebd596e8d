package ledger

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// lines makes the ledger. Directories have a line only where they differ.
func (e *engine) lines() audit.Ledger {
	var out audit.Ledger
	var counts [unread + 1]audit.FileCount
	for n := range e.nodes {
		f := &e.nodes[n]
		if f.status == none {
			continue
		}
		c := &counts[f.status]
		c.Files++
		if e.tree.Kind(rootfs.Node(n)) == rootfs.File {
			c.Bytes += f.size
		}
		if f.component > 0 {
			switch s := &e.state[f.component-1]; f.status {
			case changed, missing, unread:
				s.bad++
			case unexplained:
				if f.detail > 0 && f.detail != detailSpecial {
					s.bad++
				} else {
					s.unsure++
				}
			case unchecked:
				if e.tree.Kind(rootfs.Node(n)) == rootfs.File { // dpkg states no targets of links
					s.unsure++
				}
			}
		}
		if runs := e.runs(rootfs.Node(n)); e.hasLine(f, runs) {
			out.Lines = append(out.Lines, e.line(rootfs.Node(n), runs))
		}
	}
	for _, a := range e.absent {
		l := audit.FileLine{Path: sbom.Escape(a.path), Status: audit.FileMissing, Rule: a.rule}
		if a.conffile {
			l.Status, l.Detail = audit.FileConffile, "deleted"
			counts[conffile].Files++
		} else {
			counts[missing].Files++
		}
		if a.component >= 0 {
			l.Component = e.doc.Components[a.component].ID
			if !a.conffile && a.rule == "" {
				e.state[a.component].bad++
			}
		}
		out.Lines = append(out.Lines, l)
	}
	slices.SortFunc(out.Lines, func(a, b audit.FileLine) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Component, b.Component), cmp.Compare(a.Status, b.Status))
	})
	for s := proved; s <= unread; s++ {
		if counts[s].Files > 0 {
			counts[s].Status = s.word()
			out.Counts = append(out.Counts, counts[s])
		}
	}
	return out
}

// hasLine reports whether a file has a line of its own: not if something vouches
// for it, with one exception: nothing but an artifact vouches for the rights of a
// set-id program.
func (e *engine) hasLine(f *node, runs string) bool {
	switch f.status {
	case proved:
		return false
	case consistent, unchecked:
		return runs == runsSetID
	case derived:
		return e.request.Sealed || runs == runsSetID
	}
	return true
}

func (e *engine) line(n rootfs.Node, runs string) audit.FileLine {
	f := &e.nodes[n]
	l := audit.FileLine{Path: sbom.Escape(e.tree.Path(n)), Status: f.status.word(), How: f.how.words(), Runs: runs}
	if f.component > 0 {
		l.Component = e.doc.Components[f.component-1].ID
	}
	if f.rule > 0 {
		l.Rule = e.rules[f.rule-1].Name
	}
	if f.detail > 0 {
		l.Detail = details[f.detail-1]
		l.Flaw = f.status == unexplained && f.detail != detailSpecial
	}
	switch kind := e.tree.Kind(n); {
	case kind == rootfs.Symlink:
		l.Digest = "link:" + sbom.Escape(e.tree.Target(n))
	case f.summed:
		l.Digest = "blake3:" + hex.EncodeToString(f.sum[:])
		l.Size = f.size
	}
	if f.status != unread && e.tree.Kind(n) != rootfs.Symlink {
		l.Mode = strconv.FormatUint(uint64(f.mode), 8)
	}
	return l
}

// Reasons for which a file can run code: [audit.FileLine.Runs].
const (
	runsProgram = "program"
	runsStartup = "startup"
	runsSetID   = "set-id"
	runsLibrary = "library"
)

const (
	setID   = 0o6000
	execute = 0o111
)

// runs returns why a file can run code, empty when no rule knows a reason.
func (e *engine) runs(n rootfs.Node) string {
	f := &e.nodes[n]
	kind := e.tree.Kind(n)
	if kind == rootfs.File && (f.mode&setID != 0 && f.mode&execute != 0 || f.caps) {
		return runsSetID
	}
	switch f.status {
	case proved, consistent, unchecked:
		return ""
	}
	if kind == rootfs.Dir || kind == rootfs.Other {
		return ""
	}
	if e.files.Startup(n) {
		return runsStartup
	}
	switch e.files.Code(n) {
	case scan.CodeProgram:
		return runsProgram
	case scan.CodeLibrary:
		return runsLibrary
	}
	name := e.tree.Name(n)
	switch {
	case kind == rootfs.File && f.mode&execute != 0 && (inPath(e.tree.Path(n)) || e.readable(n)), kind == rootfs.File && e.tree.Name(e.tree.Parent(n)) == ".bin":
		return runsProgram
	case isBytecode(name), strings.HasSuffix(name, ".so"), isCode(name) && (f.component > 0 || systemPlace(e.tree.Path(n))):
		return runsLibrary
	case kind == rootfs.Symlink && inPath(e.tree.Path(n)):
		return runsProgram
	}
	return ""
}

// readable reports whether a shell would run a file that the kernel does not: it
// takes one without a magic number as a script, but not one with a zero byte at
// its beginning
// (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_09_01_04).
// A file whose content an image did not keep may be one.
func (e *engine) readable(n rootfs.Node) bool {
	f, err := e.tree.OpenFile(n)
	if err != nil {
		return true
	}
	defer f.Close()
	var head [80]byte // as many as bash looks at
	got, _ := io.ReadFull(f, head[:])
	return !bytes.Contains(head[:got], []byte{0})
}

// isCode reports whether a file has the extension of source code or byte code that
// an interpreter, a compiler or a build tool takes from a directory of modules.
func isCode(name string) bool {
	switch path.Ext(name) {
	case ".py", ".pl", ".pm", ".ph", ".al", ".rb", ".js", ".mjs", ".cjs", ".ts", ".node", ".php", ".phar", ".inc", ".lua", ".luac", ".tcl", ".tm", ".r", ".R", ".rds", ".jl", ".el", ".elc", ".eln", ".vim", ".scm", ".go",
		".class", ".jar", ".war", ".jmod", ".groovy", ".beam", ".ez", ".hs", ".hi", ".ml", ".cmo", ".cma", ".cmx", ".cmxa", ".a", ".la", ".o", ".ko", ".h", ".hpp", ".cmake", ".m4", ".mk", ".pc", ".specs", ".sh", ".bash", ".zsh", ".fish", ".awk", ".sed", ".gdb", ".wasm", ".egg", ".pyz", ".zip":
		return true
	}
	return false
}

// systemPlace reports whether a path is in a directory of the system where packages
// have their code, and no user has any.
func systemPlace(p string) bool {
	return strings.HasPrefix(p, "/usr/") && !strings.HasPrefix(p, "/usr/local/") && !strings.HasPrefix(p, "/usr/src/")
}

// inPath reports whether a file is in a directory that shells search for programs.
func inPath(p string) bool {
	switch path.Dir(p) {
	case "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/etc/alternatives":
		return true
	}
	return false
}
