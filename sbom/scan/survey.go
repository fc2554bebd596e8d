package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// survey is the result of one pass over all names, sorted by the readers that
// use them.
type survey struct {
	siteDirs    []rootfs.Node // directories named site-packages or dist-packages
	dists       []rootfs.Node // *.dist-info, *.egg-info (directory or file), EGG-INFO
	nodeModules []rootfs.Node // directories named node_modules
	startup     []rootfs.Node // *.pth, *.egg-link, sitecustomize and usercustomize
	locks       []rootfs.Node // lock files by name
	archives    []rootfs.Node // package archives by extension
}

// takeSurvey checks every name once. It compares names as the interpreters do:
// Python accepts any case of its suffixes.
func takeSurvey(t *rootfs.Tree) survey {
	var s survey
	for n := rootfs.Node(0); int(n) < t.Len(); n++ {
		name := t.Name(n)
		kind := t.Kind(n)
		if kind == rootfs.Other {
			continue
		}
		switch name {
		case "site-packages", "dist-packages":
			if kind == rootfs.Dir {
				s.siteDirs = append(s.siteDirs, n)
			}
			continue
		case "node_modules":
			if kind == rootfs.Dir {
				s.nodeModules = append(s.nodeModules, n)
			}
			continue
		}
		if isCustomize(name) {
			s.startup = append(s.startup, n)
			continue
		}
		if kind == rootfs.File && ecosystem.IsLockFile(name) {
			s.locks = append(s.locks, n)
			continue
		}
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			if len(name) == len("EGG-INFO") && ecosystem.EqualFold(name, "EGG-INFO") && kind == rootfs.Dir {
				s.dists = append(s.dists, n)
			}
			continue
		}
		switch ext := name[dot+1:]; len(ext) {
		case len("pth"):
			if ext == "pth" && kind != rootfs.Dir {
				s.startup = append(s.startup, n)
			} else if (ext == "deb" || ext == "sfs" || ext == "rpm" || ext == "whl" || ext == "gem" || ext == "apk") && kind == rootfs.File {
				s.archives = append(s.archives, n)
			}
		case len("crate"):
			if ext == "crate" && kind == rootfs.File {
				s.archives = append(s.archives, n)
			}
		case len("snap"):
			// Those that snapd installs are packages.
			if ext == "snap" && kind == rootfs.File && !strings.HasPrefix(t.Path(n), "/var/lib/snapd/") {
				s.archives = append(s.archives, n)
			}
		case len("egg-link"): // as long as "egg-info" and "squashfs"
			if ext == "egg-link" && kind == rootfs.File {
				s.startup = append(s.startup, n)
			} else if ext == "squashfs" && kind == rootfs.File {
				s.archives = append(s.archives, n)
			} else if ecosystem.EqualFold(ext, "egg-info") {
				s.dists = append(s.dists, n)
			}
		case len("dist-info"):
			if ecosystem.EqualFold(ext, "dist-info") {
				s.dists = append(s.dists, n)
			}
		}
	}
	return s
}
