package ospkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/pelletier/go-toml/v2"
)

// rpm itself does not record why a package was installed. The programs that
// install with it do, each in its own file. The first existing record is used,
// in this order, the newer program first: the newer programs took over the
// records of the older ones.
const (
	dnf5Dir     = "/usr/lib/sysimage/libdnf5"                 // dnf5(8); libdnf5/system/state.cpp
	dnf4History = "/var/lib/dnf/history.sqlite"               // libdnf/transaction/Swdb.hpp; dnf 4, microdnf
	yumDir      = "/var/lib/yum"                              // yum/rpmsack.py, RPMDBAdditionalData
	zyppAuto    = "/var/lib/zypp/AutoInstalled"               // zypp/target/SolvIdentFile.cc
	protectedBy = "/etc/dnf/protected.d /etc/yum/protected.d" // protected_packages in dnf.conf(5)
)

// maxReasonFile is the size of a file with such records. A system of 5,000
// packages has 300 kB, and the decoder needs about ten times the size of its
// input.
const maxReasonFile = 4 << 20

// reasoner returns the install reason of a package.
type reasoner func(p *rpmdb.Package) sbom.InstallReason

// setReasons sets the install reason of each package. The records are not part
// of the database, so that a malformed one is a gap. Without any record the
// reasons are unknown.
func (r *rpm) setReasons(ctx context.Context) error {
	var reason reasoner
	for _, source := range []struct {
		path string
		read func(context.Context) (reasoner, error)
	}{
		{dnf5Dir, r.dnf5Reasons},
		{dnf4History, r.dnf4Reasons},
		{yumDir + "/yumdb", r.yumReasons},
		{zyppAuto, r.zyppReasons},
	} {
		found, err := source.read(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.gap(gapKind(err, sbom.GapUnreadable), source.path, "the explicitly installed packages are unknown: %v", err)
			break // an older record may differ
		}
		if found != nil {
			reason = found
			break
		}
	}
	protected := r.protected(ctx)
	for i, p := range r.packages {
		c := &r.Components[i]
		switch {
		case protected[p.Name]:
			c.InstallReason = sbom.ReasonEssential
		case reason != nil:
			c.InstallReason = reason(p.Package)
		}
	}
	return nil
}

// auto is common to all of them: a package that is not recorded as a
// dependency is the user's, and is never removed automatically. That includes
// packages that were installed with rpm alone.
func auto(automatic bool) sbom.InstallReason {
	if automatic {
		return sbom.ReasonDependency
	}
	return sbom.ReasonExplicit
}

// dnf5Reasons reads packages.toml: a reason for each "name.arch". Packages of
// a group are missing in it or have another reason; a group is explicit.
func (r *rpm) dnf5Reasons(context.Context) (reasoner, error) {
	var packages struct {
		Version  string
		Packages map[string]struct{ Reason string }
	}
	found, err := r.readTOML(dnf5Dir+"/packages.toml", &packages)
	if !found || err != nil {
		return nil, err
	}
	var groups struct {
		Version string
		Groups  map[string]struct{ Packages []string }
	}
	if _, err := r.readTOML(dnf5Dir+"/groups.toml", &groups); err != nil {
		return nil, err
	}
	for _, version := range []string{packages.Version, groups.Version} {
		if version != "" && !strings.HasPrefix(version, "1.") {
			return nil, &parseError{File: dnf5Dir, Msg: "unknown version " + excerpt(version) + " of the records"}
		}
	}
	grouped := map[string]bool{}
	for _, g := range groups.Groups {
		for _, name := range g.Packages {
			grouped[name] = true
		}
	}
	for _, key := range sortedKeys(packages.Packages) {
		switch reason := packages.Packages[key].Reason; reason {
		case "None", "Dependency", "User", "Clean", "Weak Dependency", "Group", "External User":
		default:
			return nil, &parseError{File: dnf5Dir + "/packages.toml", Msg: "unknown reason " + excerpt(reason) + " of " + excerpt(key)}
		}
	}
	return func(p *rpmdb.Package) sbom.InstallReason {
		reason := packages.Packages[p.Name+"."+p.Arch].Reason
		return auto((reason == "Dependency" || reason == "Weak Dependency") && !grouped[p.Name])
	}, nil
}

// readTOML decodes a file of dnf5, and reports whether it exists.
func (r *rpm) readTOML(path string, into any) (bool, error) {
	n, err := r.file(path, rootfs.File)
	if n == rootfs.None || err != nil {
		return false, err
	}
	data, err := r.tree.ReadFile(n, maxReasonFile)
	if err != nil {
		return true, err
	}
	if err := toml.Unmarshal(data, into); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return true, &parseError{File: path, Line: line, Msg: at.Error(), Hint: "delete the file: dnf5 makes a new one"}
		}
		return true, &parseError{File: path, Msg: err.Error()}
	}
	return true, nil
}

// dnf4Reasons reads the history of dnf 4 and microdnf.
func (r *rpm) dnf4Reasons(ctx context.Context) (reasoner, error) {
	n, err := r.file(dnf4History, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	f, err := r.tree.OpenFile(n)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	main, err := contentInput(f)
	if err != nil {
		return nil, err
	}
	if main.Size == 0 {
		return nil, nil
	}
	var wal rpmdb.Input
	log, err := r.besides(n, &wal)
	if err != nil {
		return nil, err
	}
	if log != nil {
		defer log.Close()
	}
	reasons, err := rpmdb.ReadHistory(ctx, main, wal)
	if err != nil {
		return nil, historyError(dnf4History, err)
	}
	if len(reasons) == 0 {
		return nil, nil // dnf never installed a package
	}
	return func(p *rpmdb.Package) sbom.InstallReason {
		reason := reasons[rpmdb.NameArch{Name: p.Name, Arch: p.Arch}]
		return auto(reason == rpmdb.ReasonDependency || reason == rpmdb.ReasonWeakDependency)
	}, nil
}

func historyError(file string, err error) error {
	var bad *rpmdb.DamagedError
	switch {
	case !errors.As(err, &bad):
		return fmt.Errorf("%s: %w", file, err)
	case bad.Limit:
		return &limitError{parseError{File: file, Msg: err.Error()}}
	}
	return &parseError{File: file, Msg: err.Error()}
}

// yumReasons reads the directories of yum: one for each package, named
// "<digest>-<name>-<version>-<release>-<arch>", with a file for each fact.
func (r *rpm) yumReasons(ctx context.Context) (reasoner, error) {
	top, err := r.file(yumDir+"/yumdb", rootfs.Dir)
	if top == rootfs.None || err != nil {
		return nil, err
	}
	type key struct{ nevr, arch string }
	automatic := map[key]bool{}
	records := 0
	for letter := range r.tree.Children(top) {
		for dir := range r.tree.Children(letter) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			n := r.tree.Child(dir, "reason")
			if n == rootfs.None {
				continue
			}
			const most = 64 // bytes: "user", "dep"
			text, err := r.tree.ReadFile(n, most)
			if err != nil {
				return nil, err
			}
			records++
			_, rest, _ := strings.Cut(r.tree.Name(dir), "-")
			i := strings.LastIndexByte(rest, '-')
			if i < 0 || strings.TrimSpace(string(text)) != "dep" {
				continue
			}
			automatic[key{rest[:i], rest[i+1:]}] = true
		}
	}
	if records == 0 {
		return nil, nil
	}
	return func(p *rpmdb.Package) sbom.InstallReason {
		return auto(automatic[key{p.Name + "-" + p.Version + "-" + p.Release, p.Arch}])
	}, nil
}

// zyppReasons reads the names of the automatically installed packages.
func (r *rpm) zyppReasons(ctx context.Context) (reasoner, error) {
	names, err := r.readNames(ctx, zyppAuto)
	if names == nil || err != nil {
		return nil, err
	}
	return func(p *rpmdb.Package) sbom.InstallReason { return auto(names[p.Name]) }, nil
}

// readNames reads a file with one name on each line; nil when it does not
// exist.
func (r *rpm) readNames(ctx context.Context, path string) (names map[string]bool, err error) {
	n, err := r.file(path, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	names = map[string]bool{}
	err = r.open(n, func(f io.Reader, file string) error {
		l := newLines(ctx, f, file)
		for {
			line, ok := l.next()
			if !ok {
				return l.err
			}
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				names[strings.Clone(line)] = true
			}
		}
	})
	return names, err
}

// protected returns the packages that dnf and yum refuse to remove: the
// minimum of the system.
func (r *rpm) protected(ctx context.Context) map[string]bool {
	out := map[string]bool{}
	for path := range strings.FieldsSeq(protectedBy) {
		dir := r.tree.Resolve(path)
		var files []string
		for n := range r.tree.Children(dir) {
			if name := r.tree.Name(n); strings.HasSuffix(name, ".conf") {
				files = append(files, r.tree.Path(dir)+"/"+name)
			}
		}
		slices.Sort(files)
		for _, path := range files {
			names, err := r.readNames(ctx, path)
			if err != nil {
				r.gap(gapKind(err, sbom.GapUnreadable), path, "the protected packages are unknown: %v", err)
				continue
			}
			for name := range names {
				out[name] = true
			}
		}
	}
	return out
}
