package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Directories of the layout of systems, which are not installed by anything that
// is counted.

// structural reports whether a directory is part of the layout of a system or of
// a home directory and not installed: by the Filesystem Hierarchy Standard
// (https://refspecs.linuxfoundation.org/FHS_3.0/fhs-3.0.html), and by the usual
// directories for installed software.
func (s *inventory) structural(n rootfs.Node) bool {
	if s.owned(n) || s.imports.entries[n] {
		return true
	}
	name := s.tree.Name(n)
	switch name {
	case "site-packages", "dist-packages", "node_modules":
		return true
	}
	p := s.tree.Path(n)
	switch p {
	case "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media", "/mnt", "/opt", "/proc",
		"/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
		"/usr/bin", "/usr/games", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/libx32",
		"/usr/local", "/usr/sbin", "/usr/share", "/usr/src",
		"/var/cache", "/var/lib", "/var/local", "/var/log", "/var/opt", "/var/spool", "/var/tmp", "/var/www":
		return true
	}
	if rest, ok := strings.CutPrefix(p, "/usr/local/"); ok {
		return isPrefixDir(rest)
	}
	if rest, ok := strings.CutPrefix(p, "/usr/lib/"); ok {
		return multiarch.MatchString(rest)
	}
	rest, ok := strings.CutPrefix(p, "/root/")
	if !ok {
		if rest, ok = strings.CutPrefix(p, "/home/"); ok {
			_, rest, ok = strings.Cut(rest, "/")
			if !ok {
				return true // /home/USER
			}
		}
	}
	if !ok {
		return false
	}
	switch rest {
	case "bin", "go", "go/bin", ".cache", ".config", ".local", ".local/state", ".cargo", ".cargo/bin":
		return true
	}
	rest, ok = strings.CutPrefix(rest, ".local/")
	return ok && isPrefixDir(rest)
}

var multiarch = lazyregexp.New(`^[a-z0-9_]+-linux-[a-z0-9]+$`)

// isPrefixDir reports whether a directory is one of an installation prefix.
func isPrefixDir(p string) bool {
	switch p {
	case "bin", "etc", "games", "include", "lib", "lib64", "libexec", "man", "sbin", "share", "src", "share/man", "lib/node_modules":
		return true
	}
	return false
}
