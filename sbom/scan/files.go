package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Files are the files of a scanned environment with the components that account
// for them. They are valid until the function of [Options].Use returns.
type Files struct {
	scan *scanner
	doc  *sbom.Document
}

// Document is the result of the scan.
func (f *Files) Document() *sbom.Document { return f.doc }

// Tree is the file tree.
func (f *Files) Tree() *rootfs.Tree { return f.scan.tree }

// DB is the package database, nil without one.
func (f *Files) DB() *ospkg.DB { return f.scan.db }

// Owner returns the ID in the document of the component that accounts for a
// file or a symbolic link, empty for none. It may be a bundled component.
func (f *Files) Owner(n rootfs.Node) string { return sbom.Escape(f.scan.ownerOf(n)) }

// Cached reports whether the node is in a cache of a package manager, where
// nothing is installed.
func (f *Files) Cached(n rootfs.Node) bool { return f.scan.caches.contain(n) }

// Own reports whether the node is the program that scans.
func (f *Files) Own(n rootfs.Node) bool { return f.scan.own[n] }

// Code is the kind of code that the first bytes of a file are.
type Code uint8

const (
	CodeNone    Code = iota
	CodeProgram      // a program of the system, or a script with an execute bit
	CodeLibrary      // a library, an object or an archive of code
)

// Code returns the kind of code in a file, CodeNone for anything else.
func (f *Files) Code(n rootfs.Node) Code {
	if f.scan.tree.Kind(n) != rootfs.File {
		return CodeNone
	}
	class, mode, err := f.scan.tree.Classify(n)
	switch {
	case err != nil, class == magicNone:
		return CodeNone
	case class == magicScript && mode&0o111 == 0, class == magicZip && mode&0o111 == 0:
		return CodeNone
	case class == magicELFObject, class == magicClass, class == magicCode, strings.Contains(f.scan.tree.Name(n), ".so"):
		return CodeLibrary
	}
	return CodeProgram
}

// Startup reports whether a file runs code, or decides which code runs, when
// something starts: the system, a shell, a package manager, an interpreter. Of a
// file that no package owns, that depends on its content: an empty
// /etc/environment does not.
func (f *Files) Startup(n rootfs.Node) bool {
	s := f.scan
	return s.unasked.kinds[n] == sbom.NoticeStartup && (s.owned(n) || s.unasked.told[n])
}
