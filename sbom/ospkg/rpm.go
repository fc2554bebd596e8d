package ospkg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// rpmDirs are the directories of rpm's database, the newer one first: Fedora,
// SUSE and Azure Linux moved it below /usr and left a link behind. Systems
// with an image for /usr (rpm-ostree) have it in /usr/share.
var rpmDirs = []string{"/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"}

// rpmFiles are the names of the databases (dbops in lib/rpmdb.cc).
var rpmFiles = []struct {
	name    string
	backend rpmdb.Backend
}{
	{"rpmdb.sqlite", rpmdb.SQLite},
	{"Packages.db", rpmdb.NDB},
	{"Packages", rpmdb.BerkeleyDB},
}

// rpmSource is an existing database file.
type rpmSource struct {
	node    rootfs.Node
	path    string
	backend rpmdb.Backend
}

// rpmRecord is a package with the texts derived from it.
type rpmRecord struct {
	*rpmdb.Package
	evr string // "[epoch:]version-release"
}

// rpm is the database under construction. The slice packages is parallel to
// Components.
type rpm struct {
	system
	database string // the file that was read
	source   rpmSource
	packages []rpmRecord
	keys     []*rpmdb.Package
}

// openRPM reads rpm's database; nil when there is none.
func openRPM(ctx context.Context, s system) (*DB, error) {
	r := &rpm{system: s}
	found, err := r.findDatabase(ctx)
	if !found || err != nil {
		return nil, err
	}
	r.addPackages()
	if err := r.ownFiles(ctx); err != nil {
		return nil, err
	}
	r.ownDatabase(r.places())
	r.rpmRecords()
	r.relate(r.relating())
	if err := r.setReasons(ctx); err != nil {
		return nil, err
	}
	return r.DB, nil
}

// findDatabase reads the database, and reports whether it exists. More than
// one may be left from a conversion; all of them must list the same packages.
func (r *rpm) findDatabase(ctx context.Context) (bool, error) {
	sources, err := r.sources()
	if len(sources) == 0 || err != nil {
		return false, err
	}
	var names []string
	for i, source := range sources {
		packages, keys, err := r.read(ctx, source)
		if ctx.Err() != nil {
			return true, ctx.Err()
		}
		if err != nil {
			if i == 0 {
				return true, err
			}
			r.gap(gapKind(err, sbom.GapUnreadable), source.path, "a second rpm database, beside %s, cannot be read: %v", r.database, err)
			continue
		}
		found := listOf(packages)
		switch {
		case r.database == "", len(r.packages) == 0 && len(packages) > 0:
			// The first, or the first that has any package: a conversion
			// starts with an empty one.
			r.database, r.source, r.packages, r.keys, names = source.path, source, packages, keys, found
		case len(packages) > 0 && !slices.Equal(names, found):
			r.gap(sbom.GapDatabase, source.path, "two rpm databases disagree: this one lists %d packages and %s lists %d; the latter was read",
				len(found), r.database, len(names))
		}
	}
	r.at = r.database
	if len(r.packages) == 0 {
		r.gap(sbom.GapDatabase, r.database, "the package database lists no installed package")
	}
	return true, nil
}

// sources returns the database files, each once. It leaves out empty files,
// and fails when there are only empty ones.
func (r *rpm) sources() (out []rpmSource, err error) {
	empty := ""
	for _, base := range rpmDirs {
		dir, err := r.file(base, rootfs.Dir)
		if err != nil {
			// The move left links from one directory to the other. A dangling
			// link is no database.
			if r.tree.Resolve(base) == rootfs.None {
				continue
			}
			return nil, err
		}
		if dir == rootfs.None {
			continue
		}
		for _, f := range rpmFiles {
			n, err := r.file(path.Join(base, f.name), rootfs.File)
			if err != nil {
				return nil, err
			}
			if n == rootfs.None || slices.ContainsFunc(out, func(s rpmSource) bool { return s.node == n }) {
				continue
			}
			info, err := r.tree.Stat(n)
			if err != nil {
				return nil, err
			}
			if info.Size() == 0 {
				empty = cmp.Or(empty, r.tree.Path(n))
				continue
			}
			out = append(out, rpmSource{n, r.tree.Path(n), f.backend})
		}
	}
	if len(out) == 0 && empty != "" {
		return nil, &parseError{File: empty, Msg: "the rpm database is empty", Hint: "restore it from a backup"}
	}
	return out, nil
}

// read reads one database file. Keys are the public keys in it.
func (r *rpm) read(ctx context.Context, source rpmSource) (packages []rpmRecord, keys []*rpmdb.Package, err error) {
	err = r.system.openRPMFile(source, func(db rpmdb.Database) error {
		return rpmdb.Read(ctx, db, func(p *rpmdb.Package) error {
			if isPublicKey(p) {
				keys = append(keys, p)
				return nil
			}
			if err := checkRPM(p); err != nil {
				return &rpmdb.DamagedError{Msg: err.Error()}
			}
			packages = append(packages, rpmRecord{p, evrOf(p)})
			return nil
		})
	})
	return packages, keys, err
}

// openRPMFile opens a database file, and the files beside it.
func (s *system) openRPMFile(source rpmSource, read func(rpmdb.Database) error) error {
	main, err := s.tree.OpenFile(source.node)
	if err != nil {
		return err
	}
	defer main.Close()
	db := rpmdb.Database{Backend: source.backend}
	if db.Main, err = contentInput(main); err != nil {
		return err
	}
	if source.backend == rpmdb.SQLite {
		log, err := s.besides(source.node, &db.WAL)
		if err != nil {
			return err
		}
		if log != nil {
			defer log.Close()
		}
	}
	return rpmError(source.path, read(db))
}

// besides opens the write-ahead log of an SQLite database, if it has content.
// A journal is an error: it belongs to an unfinished change, which rpm would
// roll back first, and it is not safe to let a library do so with an untrusted
// journal (see package rpmdb).
func (s *system) besides(database rootfs.Node, into *rpmdb.Input) (rootfs.Content, error) {
	dir, name := s.tree.Parent(database), s.tree.Name(database)
	if n := s.tree.Child(dir, name+"-journal"); n != rootfs.None {
		if s.tree.Kind(n) != rootfs.File {
			return nil, &parseError{File: s.tree.Path(n), Msg: "is a " + s.tree.Kind(n).String() + ", not a journal"}
		}
		hot, err := s.isJournal(n)
		if err != nil {
			return nil, err
		}
		if hot {
			return nil, &parseError{File: s.tree.Path(n), Msg: "is the journal of an unfinished change to the database",
				Hint: "run a query with the package manager there, which finishes or undoes it"}
		}
	}
	n := s.tree.Child(dir, name+"-wal")
	if n == rootfs.None {
		return nil, nil
	}
	if kind := s.tree.Kind(n); kind != rootfs.File {
		return nil, &parseError{File: s.tree.Path(n), Msg: "is a " + kind.String() + ", not a write-ahead log"}
	}
	log, err := s.tree.OpenFile(n)
	if err != nil {
		return nil, err
	}
	if *into, err = contentInput(log); err != nil {
		log.Close()
		return nil, err
	}
	return log, nil
}

// isJournal reports whether SQLite would roll a journal back: a finished one is
// empty, or has zeros in place of the magic number.
func (s *system) isJournal(n rootfs.Node) (bool, error) {
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return false, err
	}
	defer f.Close()
	const magic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" // https://www.sqlite.org/fileformat.html#the_rollback_journal
	head := make([]byte, len(magic))
	got, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return string(head[:got]) == magic, nil
}

func contentInput(c rootfs.Content) (rpmdb.Input, error) {
	info, err := c.Stat()
	if err != nil {
		return rpmdb.Input{}, fmt.Errorf("%s: %w", c.Name(), err)
	}
	return rpmdb.Input{ReaderAt: c, Size: info.Size()}, nil
}

// rpmError adds the file to an error of package rpmdb.
func rpmError(file string, err error) error {
	var bad *rpmdb.DamagedError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &bad):
		return fmt.Errorf("%s: %w", file, err)
	case bad.Limit:
		return &limitError{parseError{File: file, Msg: err.Error()}}
	}
	return &parseError{File: file, Msg: err.Error(), Hint: "restore the rpm database from a backup, or rebuild it with rpm --rebuilddb"}
}

// isPublicKey reports whether a header is one in which rpm keeps a key that it
// trusts. Such a header has no files and no architecture, which a package that
// only takes the name would have.
func isPublicKey(p *rpmdb.Package) bool {
	return p.Name == "gpg-pubkey" && p.Files.Len() == 0 && p.Arch == ""
}

// checkRPM refuses the names and versions that rpmbuild refuses and that would
// make an identity ambiguous.
func checkRPM(p *rpmdb.Package) error {
	for _, part := range []struct{ what, text, more string }{
		{"name", p.Name, ".-_+%{}"},
		{"version", p.Version, "._+%{}~^"},
		{"release", p.Release, "._+%{}~^"},
		{"architecture", p.Arch, "_-."},
	} {
		for i := range len(part.text) {
			if !isAlphanumeric(part.text[i]) && strings.IndexByte(part.more, part.text[i]) < 0 {
				return fmt.Errorf("%s is not the %s of a package", excerpt(part.text), part.what)
			}
		}
	}
	return nil
}

// evrOf returns a version as rpm prints it, with the epoch if it has one.
func evrOf(p *rpmdb.Package) string {
	evr := p.Version + "-" + p.Release
	if p.Epoch != nil {
		return strconv.FormatUint(uint64(*p.Epoch), 10) + ":" + evr
	}
	return evr
}

// listOf returns the list of packages that two databases must share.
func listOf(packages []rpmRecord) []string {
	out := make([]string, len(packages))
	for i, p := range packages {
		out[i] = p.Name + " " + p.evr + " " + p.Arch
	}
	slices.Sort(out)
	return out
}

// addPackages makes the components.
func (r *rpm) addPackages() {
	// Two packages of one identity stay in the order of the database.
	slices.SortFunc(r.packages, func(a, b rpmRecord) int { return cmp.Compare(a.Number, b.Number) })
	addComponents(&r.system, r.packages, func(p rpmRecord) sbom.Component {
		return sbom.Component{
			PURL:          r.packageURL(p.Package),
			Type:          packageurl.TypeRPM,
			Namespace:     r.vendorNamespace(),
			Name:          p.Name,
			Version:       p.evr,
			Arch:          p.Arch,
			Paths:         []string{r.database},
			Source:        sourceName(p.Package),
			InstalledSize: p.Size,
			Supplier:      sbom.Statement(cmp.Or(p.Vendor, p.Packager)),
			Licenses:      sbom.Statements(p.License),
			Detail:        detail(p.Package),
		}
	})
	for i := range r.Components[min(1, len(r.Components)):] {
		if c := &r.Components[i+1]; c.ID == r.Components[i].ID {
			r.notice(sbom.NoticeHalfState, r.database, c.ID, "package %s is listed twice in the same version: a change was not finished", c.Name)
		}
	}
	for _, key := range r.keys {
		r.Excluded = append(r.Excluded, sbom.Exclusion{Path: r.database, PURL: r.packageURL(key), Name: key.Name,
			Version: key.Version + "-" + key.Release, Reason: sbom.ExcludedKey, Detail: "a public key that rpm trusts", Count: 1})
	}
}

// vendorNamespace returns the namespace of package URLs, with the exceptions that
// syft makes (packageURL in its redhat cataloger).
func (r *rpm) vendorNamespace() string {
	namespace := r.namespace()
	switch {
	case namespace == "rhel", namespace == "hummingbird":
		return "redhat"
	case strings.HasPrefix(namespace, "opensuse"):
		return "opensuse"
	}
	return namespace
}

// packageURL follows the type "rpm" of the package URL specification: the
// epoch is a qualifier. The other qualifiers are syft's.
func (r *rpm) packageURL(p *rpmdb.Package) string {
	var q packageurl.Qualifiers
	add := func(key, value string) {
		if value != "" {
			q = append(q, packageurl.Qualifier{Key: key, Value: value})
		}
	}
	add("arch", p.Arch)
	if p.Epoch != nil {
		add("epoch", strconv.FormatUint(uint64(*p.Epoch), 10))
	}
	add("upstream", p.SourceRPM)
	if namespace := r.namespace(); namespace != "" {
		add("distro", strings.TrimSuffix(namespace+"-"+r.release.VersionID, "-"))
	}
	return packageurl.NewPackageURL(packageurl.TypeRPM, r.vendorNamespace(), p.Name, p.Version+"-"+p.Release, q, "").ToString()
}

// sourceName returns the name of the source package, "" when it equals the
// package's name: the file name without version, release and suffix.
func sourceName(p *rpmdb.Package) string {
	name := strings.TrimSuffix(strings.TrimSuffix(p.SourceRPM, ".src.rpm"), ".nosrc.rpm")
	if name == p.SourceRPM {
		return ""
	}
	for range 2 {
		i := strings.LastIndexByte(name, '-')
		if i <= 0 {
			return ""
		}
		name = name[:i]
	}
	if name == p.Name {
		return ""
	}
	return name
}

// detail describes the origin that the package claims. rpm may have checked the
// signature at installation; this package does not check it.
func detail(p *rpmdb.Package) string {
	var parts []string
	if p.Module != "" {
		parts = append(parts, "module "+excerptPlain(p.Module))
	}
	switch len(p.Signers) {
	case 0:
	case 1:
		parts = append(parts, "names the signing key "+p.Signers[0])
	default:
		parts = append(parts, "names the signing keys "+strings.Join(p.Signers, " and "))
	}
	return strings.Join(parts, ", ")
}

// excerptPlain shortens a text, without quotes when it needs none.
func excerptPlain(s string) string {
	if quoted := excerpt(s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}
