package ospkg

import (
	"context"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// rpmList is what the file list of one package gave, beyond its nodes.
type rpmList struct {
	malformed int
	fault     string // the first
	prints    []rpmPrint
}

// rpmPrint is a file that is no folder, and what stands for its content.
type rpmPrint struct {
	node  rootfs.Node
	print uint64
}

// ownFiles gives the listed files to their packages.
//
// Only those that rpm installed belong to a package: not the documentation
// that was left out of an image, and not the file that another package
// replaced (FILESTATES). A ghost, which the package only knows of, is the
// package's own when it is there.
func (r *rpm) ownFiles(ctx context.Context) error {
	lists := make([]rpmList, len(r.packages))
	listings, err := r.collect(ctx, func(c *collector, i int, _ []byte) {
		r.readFiles(c, &r.packages[i].Files, r.packages[i].Name, &lists[i])
	})
	if err != nil {
		return err
	}
	// rpm lets packages share a file that is the same in both, and looks at
	// its content; so do we, since the packages alone do not tell.
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
			if n := c.nodes[len(c.nodes)-1]; !isFolder(r.tree, n) {
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

// isRootFile knows the one package of Fedora and its relatives that has files
// in a home, where no other package has business: the start-up files of root's
// shells. They are not taken for its own, but there is nothing to report.
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

// differing are the files that several packages list with another content
// each. rpm does not install such packages together, but for ghosts, or marks
// the file that lost as replaced.
func (r *rpm) differing(lists []rpmList) contested {
	shared := map[rootfs.Node]uint64{} // what the owner says of it
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
			// An owner that has it as a ghost has nothing to compare with.
			if owner != i && known[p.node] && shared[p.node] != p.print {
				out.add(p.node, owner, i)
			}
		}
	}
	return out
}

// places are the files of the databases themselves, by their names: those of
// rpm, and those of the programs that install for it.
func (r *rpm) places() []place {
	out := []place{
		{"dnf", "/var/lib/dnf", oneOf("history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "modulefailsafe", "repos", "groups.json", "rpmdb_lock.pid", "download_lock.pid")},
		{"dnf", "/var/cache/dnf", func(string) bool { return true }},
		{"libdnf5", dnf5Folder, func(name string) bool {
			return strings.HasSuffix(name, ".toml") || strings.HasPrefix(name, "transaction_history.sqlite")
		}},
		{"libzypp", "/var/lib/zypp", oneOf("AutoInstalled", "SoftLocks", "LastDistributionFlavor", "AnonymousUniqueId", "RequestedLocales")},
		{"yum", yumFolder, func(string) bool { return true }},
	}
	for _, folder := range []string{path.Dir(r.database), "/var/lib/rpm"} {
		out = append(out, place{"rpm", folder, isRPMFile})
	}
	return out
}

// isRPMFile knows the names in the folder of a database (lib/backend).
func isRPMFile(name string) bool {
	switch name {
	case "rpmdb.sqlite", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal", "Packages.db", "Index.db", ".rpm.lock", ".dbenv.lock", "rpmdb.lock",
		"Packages", "Basenames", "Conflictname", "Dirnames", "Enhancename", "Filetriggername", "Group", "Installtid", "Name",
		"Obsoletename", "Providename", "Provideversion", "Pubkeys", "Recommendname", "Requirename", "Requireversion", "Sha1header", "Sigmd5",
		"Suggestname", "Supplementname", "Transfiletriggername", "Triggername", ".migratedb":
		return true
	}
	env, isEnvironment := strings.CutPrefix(name, "__db.")
	return isEnvironment && digits(env) == len(env)
}
