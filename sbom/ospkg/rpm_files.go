package ospkg

import (
	"context"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// rpmList is the file list of one package, without its nodes.
type rpmList struct {
	malformed int
	fault     string // the first
	prints    []rpmPrint
}

// rpmPrint is a file that is not a directory, and a fingerprint of its content.
type rpmPrint struct {
	node  rootfs.Node
	print uint64
}

// ownFiles makes the packages the owners of their listed files.
//
// A package owns the files that rpm installed: not the documentation that was
// left out of an image, and not the file that another package replaced
// (FILESTATES). A ghost, which the package lists and does not contain, is
// owned when it exists.
func (r *rpm) ownFiles(ctx context.Context) error {
	lists := make([]rpmList, len(r.packages))
	listings, err := r.collect(ctx, func(c *collector, i int, _ []byte) {
		r.readFiles(c, &r.packages[i].Files, r.packages[i].Name, &lists[i])
	})
	if err != nil {
		return err
	}
	// rpm lets packages share a file that is equal in both, and compares its
	// content. So does differing, since the packages alone do not decide it.
	r.assign(listings, func(a, b int) bool { return true })
	for i, l := range lists {
		if l.malformed > 0 {
			r.gap(sbom.GapMalformed, r.database, "file list of package %s: %s; %d files like this are ignored", r.Components[i].Name, l.fault, l.malformed)
		}
	}
	r.conflicts(r.differing(lists), func(a, b int) bool { return r.Components[a].Name == r.Components[b].Name })
	for i := range r.packages {
		r.packages[i].Files = rpmdb.Files{} // the largest part of a package
	}
	return nil
}

func (r *rpm) readFiles(c *collector, files *rpmdb.Files, name string, l *rpmList) {
	for f := range files.All() {
		if !f.Installed || isRootFile(name, f) {
			continue
		}
		c.listed++
		p := f.Dir + f.Base
		if f.Base == "" {
			p = strings.TrimSuffix(p, "/")
		}
		if p == "" && f.Dir == "/" {
			p = "/"
		}
		if p == "" || p[0] != '/' {
			l.fail("path " + excerpt(p) + " is relative")
			continue
		}
		before := len(c.nodes)
		if !c.take(p) {
			if err := checkPath(p); err != nil {
				l.fail(err.Error())
				continue
			}
			c.absent++
		}
		if len(c.nodes) > before && !f.Ghost {
			if n := c.nodes[len(c.nodes)-1]; !isDir(r.tree, n) {
				l.prints = append(l.prints, rpmPrint{n, f.Print})
			}
		}
	}
}

func (l *rpmList) fail(why string) {
	if l.malformed++; l.malformed == 1 {
		l.fault = why
	}
}

// isRootFile reports whether a file is one of the start-up files of root's
// shells. They are the only files in a home directory that a package of Fedora
// and its relatives has. The package does not own them, and there is no notice
// of them.
func isRootFile(name string, f rpmdb.File) bool {
	if name != "rootfiles" || f.Dir != "/root/" {
		return false
	}
	switch f.Base {
	case ".bash_logout", ".bash_profile", ".bashrc", ".cshrc", ".tcshrc":
		return true
	}
	return false
}

// differing returns the files that several packages list with different
// content. rpm refuses to install such packages together, except for ghosts, or
// records the losing file as replaced.
func (r *rpm) differing(lists []rpmList) contested {
	shared := map[rootfs.Node]uint64{} // the owner's fingerprint
	for i, l := range lists {
		for _, p := range l.prints {
			if owner := int(r.owner[p.node]) - 1; owner != i {
				shared[p.node] = 0
			}
		}
	}
	known := map[rootfs.Node]bool{}
	for i, l := range lists {
		for _, p := range l.prints {
			if _, wanted := shared[p.node]; wanted && int(r.owner[p.node])-1 == i {
				shared[p.node], known[p.node] = p.print, true
			}
		}
	}
	out := contested{}
	for i, l := range lists {
		for _, p := range l.prints {
			owner := int(r.owner[p.node]) - 1
			// An owner that lists it as a ghost has no content to compare.
			if owner != i && known[p.node] && shared[p.node] != p.print {
				out.add(p.node, owner, i)
			}
		}
	}
	return out
}

// places returns the names of the files of the databases themselves: those of
// rpm, and those of the programs that install with it.
func (r *rpm) places() []place {
	out := []place{
		{"dnf", "/var/lib/dnf", oneOf("history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "modulefailsafe", "repos", "groups.json", "rpmdb_lock.pid", "download_lock.pid")},
		{"dnf", "/var/cache/dnf", func(string) bool { return true }},
		{"libdnf5", dnf5Dir, func(name string) bool {
			return strings.HasSuffix(name, ".toml") || strings.HasPrefix(name, "transaction_history.sqlite")
		}},
		{"libzypp", "/var/lib/zypp", oneOf("AutoInstalled", "SoftLocks", "LastDistributionFlavor", "AnonymousUniqueId", "RequestedLocales")},
		{"yum", yumDir, func(string) bool { return true }},
	}
	for _, at := range []string{path.Dir(r.database), "/var/lib/rpm"} {
		out = append(out, place{"rpm", at, isRPMFile})
	}
	return out
}

// isRPMFile reports whether rpm's database has a file of that name
// (lib/backend).
func isRPMFile(name string) bool {
	switch name {
	case "rpmdb.sqlite", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal", "Packages.db", "Index.db", ".rpm.lock", ".dbenv.lock", "rpmdb.lock",
		"Packages", "Basenames", "Conflictname", "Dirnames", "Enhancename", "Filetriggername", "Group", "Installtid", "Name",
		"Obsoletename", "Providename", "Provideversion", "Pubkeys", "Recommendname", "Requirename", "Requireversion", "Sha1header", "Sigmd5",
		"Suggestname", "Supplementname", "Transfiletriggername", "Triggername", ".migratedb":
		return true
	}
	env, isEnvironment := strings.CutPrefix(name, "__db.")
	return isEnvironment && allDigits(env)
}
