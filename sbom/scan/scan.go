// Package scan scans an environment into a document: it decides what counts as
// a dependency.
//
// # How the counting rules are applied
//
// Ownership comes first. The database of the operating system maps paths to
// packages; whatever is at an owned path is bundled with that package (counting
// rule 3). Then come the caches of package managers, recognised by their
// structure (rule 1). The rest is examined: catalogers report packages, and two
// readers of this package, for Python and for Node, walk the directories that
// those interpreters import from, by the interpreters' own rules. The readers
// check the catalogers: a package directory that nothing reports is a gap or an
// unaccounted dependency. Each package claims its files. Executables,
// code archives, and importable files of any interpreter or compiler in the
// directories that it searches by default, that neither the system nor a package
// claims are grouped by the installation that they are in (rule 5, prefixes.go).
//
// Packages of managers that give each package a directory (Homebrew, Nix), or
// that record each file of it (conda, Portage), come before the readers: that
// directory, and those files, are bundled.
//
// # Phases
//
// A scan adds to an inventory, whose methods only answer questions: tree,
// package database, names, caches, first bytes of files, units, claims. The
// document is assembled from it. Relations come last and are computed from the
// complete inventory: those of the system's packages are in its database, the
// others are looked up as a program does when it runs (edges.go). No relation
// decides what counts.
//
// # Snapshots
//
// A scan asks a tree for names, for the classes of files and for the content
// of some, and the document depends on nothing but the answers. [Snapshot] stores
// the questions, and [Options].Since compares the answers (since.go): an
// environment that has not changed is not scanned again, and of one that has
// changed, only the changes are examined.
//
// # Completeness
//
// Everything that could not be read is a gap of the document. A scan whose
// context ends returns no document.
//
// The scan runs in this process. Untrusted files can make a parser use memory
// or hang; the command therefore runs each scan in a process of its own.
package scan

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/snapshot"
)

// Options configures [Run].
type Options struct {
	// Progress, if set, is called while a scan runs.
	Progress func(Progress)
	// Platform and Cache are those of [rootfs.Options].
	Platform string
	Cache    string
	// Own are paths on this machine of the caller's own program, which is excluded
	// where it is in the environment. See own.go.
	Own []string
	// Fingerprints sets [sbom.Component.Fingerprint] of components of files that
	// no package accounts for. It depends on times of modification.
	Fingerprints bool
	// Since is an earlier snapshot of the same environment. Unchanged files are
	// not read again; the document is the same with and without it. A snapshot of
	// another environment, or by another version of this program, is ignored.
	Since *snapshot.Snapshot
	// Now is the time at which the caller called [Snapshot], by the clock of
	// the environment's file system. It is the time before which a file must
	// have been left alone to be recognised later. Zero takes the time of the
	// latest change in the environment, which is safe too, but recognises
	// less of an environment that was made all at once.
	Now time.Time
	// Reading is as in [rootfs.Options].
	Reading func(path string) (closed func())

	// Use, if set, is called with the files of the environment before they are
	// put away. Its error is that of the scan.
	Use func(context.Context, *Files) error
	// Rehash computes the digests of all files, also of those that have not changed
	// since the snapshot.
	Rehash bool
	// Sums are the digests of files that Use will ask for. Of an image, they also
	// keep the contents that it may open.
	Sums rootfs.SumSet

	snapshot bool
	// assembled, if set, sees the scan before it is put away: see [Owners].
	assembled func(*scanner)
}

// Progress is the current activity of a scan.
type Progress struct {
	// Phase is text for people ("walking files").
	Phase string `json:"phase"`
	// Files is the number of files of the environment, 0 when it is not known yet.
	Files int `json:"files,omitempty"`
	// Bytes of Total were read of an image; both are 0 for a directory.
	Bytes int64 `json:"bytes,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Unchanged is set when the environment is the one of Options.Since, and
	// nothing more is examined.
	Unchanged bool `json:"unchanged,omitempty"`
	// File is the file that has been read for some time, empty for none.
	File string `json:"file,omitempty"`
	// Warning is a message for people about the scan and not about the
	// environment. The other fields are empty then.
	Warning string `json:"warning,omitempty"`
}

// Run scans one environment of files. Errors are about the environment as a
// whole: it is not there, its package database cannot be parsed, or ctx ended.
func Run(ctx context.Context, ref rootfs.Ref, opts Options) (*sbom.Document, error) {
	s, err := run(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	return s.Document, nil
}

func run(ctx context.Context, ref rootfs.Ref, opts Options) (*snapshot.Snapshot, error) {
	progress := opts.Progress
	if progress == nil {
		progress = func(Progress) {}
	}
	since := usable(ref, opts.Own, opts.Since)
	options := rootfs.Options{Classify: magic, Keep: keepRule(), Platform: opts.Platform, Cache: opts.Cache, Reading: opts.Reading, Sums: opts.Sums,
		Warn: func(text string) { progress(Progress{Warning: text}) }}
	if opts.Sums != 0 {
		options.Keep = keepForUse()
	}
	// A caller that uses the files needs the whole scan; unchanged files are not read
	// nevertheless.
	if since != nil && opts.Use == nil {
		progress(Progress{Phase: "comparing with the snapshot"})
		if same, err := rootfs.Same(ctx, ref, options, &since.Fingerprints.Fingerprints); err != nil {
			return nil, err
		} else if same {
			return unchanged(since, ref, opts, progress), nil
		}
	}
	phase := "walking files"
	if ref.IsImage() {
		phase = "reading layers"
	}
	options.Progress = func(p rootfs.Progress) {
		progress(Progress{Phase: phase, Files: p.Files, Bytes: p.Bytes, Total: p.Total})
	}
	tree, err := rootfs.Open(ctx, ref, options)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if opts.Since != nil && !opts.Rehash {
		tree.RecallSums(opts.Since.Sums)
	}
	if since != nil && opts.Use == nil {
		if same, err := tree.Unchanged(ctx, &since.Fingerprints.Fingerprints); err != nil {
			return nil, err
		} else if same {
			return unchanged(since, ref, opts, progress), nil
		}
	}
	if opts.snapshot && !ref.IsImage() {
		tree.Record()
	}
	out := new(snapshot.Snapshot)
	if out.Document, err = scanTree(ctx, tree, opts, since, progress); err != nil {
		return nil, err
	}
	if opts.snapshot && !ref.IsImage() {
		fingerprints, err := tree.Fingerprints(ctx, opts.Now)
		if err != nil {
			return nil, err
		}
		if fingerprints != nil {
			out.Fingerprints = &snapshot.Fingerprints{Binding: binding(ref, opts.Own), Fingerprints: *fingerprints}
		}
		out.Sums = tree.RecordedSums(opts.Now)
	}
	return out, nil
}

// scanTree makes the document of a tree.
func scanTree(ctx context.Context, tree *rootfs.Tree, opts Options, since *snapshot.Snapshot, progress func(Progress)) (*sbom.Document, error) {
	progress(Progress{Phase: "reading package databases", Files: tree.Files()})
	s, err := open(ctx, tree)
	if err != nil {
		return nil, err
	}
	s.fingerprints = opts.Fingerprints
	s.findOwn(opts.Own)
	if err := s.recall(ctx, since); err != nil {
		return nil, err
	}
	progress(Progress{Phase: "looking into packages", Files: tree.Files()})
	if err := s.examine(ctx); err != nil {
		return nil, err
	}
	s.assemble()
	relations, notices := s.relations(ctx, s.doc.Components)
	s.doc.Relations = append(s.doc.Relations, relations...)
	s.doc.Notices = append(s.doc.Notices, notices...)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.addFaults()
	if opts.assembled != nil {
		opts.assembled(s)
	}
	s.mergePermissions()
	s.doc.Environment.Newest = s.newest()
	doc, err := sbom.New(s.doc)
	if err != nil || opts.Use == nil {
		return doc, err
	}
	if err := opts.Use(ctx, &Files{s, doc}); err != nil {
		return nil, err
	}
	return doc, ctx.Err()
}

// inventory is what the phases of a scan have found so far. Its methods answer
// questions and change nothing: only the methods of [scanner] add to it, in the
// order of [scanTree], and relations are computed from it when it is complete.
// Everything by node is indexed by rootfs.Node.
type inventory struct {
	tree *rootfs.Tree
	db   *ospkg.DB // nil without a package database

	// From the names of files.
	survey  survey
	caches  caches
	imports importables
	// programDirs are the directories that programs are searched in: programs.go.
	programDirs []rootfs.Node
	// From the first bytes of files.
	sniffed sniffed

	// units are the packages found so far that the system does not own; the
	// claim of a node is the index of a unit plus one.
	units  []unit
	claims []int32
	unitAt map[rootfs.Node]int // the first unit by its primary evidence
	// stores are sorted by root and do not overlap.
	stores []store
	// alias and shared are further names of files that the system, or a unit,
	// accounts for under another: names.go.
	alias map[rootfs.Node]rootfs.Node
	// own are the files of the caller: own.go.
	own map[rootfs.Node]bool
	// placed are programs by their place.
	placed placed
	shared map[rootfs.Node]bool
}

// scanner is the state of one scan: its inventory, and the document that is
// made of it.
type scanner struct {
	inventory
	doc sbom.Document
	// fingerprints is set when components of files get a fingerprint.
	fingerprints bool

	found []catalogers.Found
	// problems are what the catalogers could not read.
	problems []catalogers.Problem
	// cached are the programs in caches that are run in place.
	cached map[rootfs.Node]bool

	// read are the metadata files that our own readers dealt with; what a
	// cataloger says against them does not matter.
	read map[rootfs.Node]bool
	// pnp are the installations of Yarn's Plug'n'Play.
	pnp []pnpInstall
	// bundles are the bundled packages of a directory of packages: see
	// [scanner.bundleOf].
	bundles map[rootfs.Node]map[rootfs.Node]bool
	// records are the files that list several packages.
	records map[rootfs.Node]bool
	// needs are the relations between packages of stores.
	needs []need
	// listless are the Python distributions without a list of files.
	listless []listless
	// parts are distributions of an interpreter or an application.
	parts []part
	// modulesOf are the modules of directories that Python imports from, by the
	// names that it imports them by.
	modulesOf map[rootfs.Node]map[string][]rootfs.Node
	// misnamed are the units whose place contradicts their metadata; misplaced are
	// packages of Node in directories of other names, npmAliases the names that
	// manifests have for them, and distributions those of directories of modules:
	// identity.go.
	misnamed  []misnamed
	misplaced []alias
	// pnpm has the records of pnpm.
	pnpm pnpmPlaces
	// yarn has the packages in the records of Yarn by their directories.
	yarn          map[rootfs.Node]yarnPackage
	npmAliases    map[aliasKey]bool
	distributions map[distribution]int
	// modules are files that a directory of packages holds directly.
	modules []rootfs.Node
	// unasked are the files that are read unasked: places.go.
	unasked unasked
}

// open reads what the rest relies on: the release, the package database, and
// the names of everything.
func open(ctx context.Context, tree *rootfs.Tree) (*scanner, error) {
	s := &scanner{
		inventory: inventory{tree: tree, unitAt: make(map[rootfs.Node]int)},
		read:      make(map[rootfs.Node]bool), cached: make(map[rootfs.Node]bool), bundles: make(map[rootfs.Node]map[rootfs.Node]bool),
		modulesOf: make(map[rootfs.Node]map[string][]rootfs.Node), npmAliases: make(map[aliasKey]bool), distributions: make(map[distribution]int),
	}
	s.doc.Catalogers = catalogers.Version
	s.doc.Environment = sbom.Environment{Ref: tree.Ref().String(), Kind: tree.Ref().Scheme, Image: tree.Image(), Files: tree.Files()}
	s.doc.Gaps = append(s.doc.Gaps, tree.Gaps()...)
	s.doc.Excluded = append(s.doc.Excluded, tree.Excluded()...)
	for _, note := range tree.Notes() {
		s.notice(sbom.NoticeImage, "", note)
	}
	system, err := rootfs.Release(tree)
	if err != nil {
		s.gap(sbom.GapSystem, "/etc/os-release", err.Error())
	}
	release := system.OS
	s.doc.Environment.OS = release
	s.doc.Notices = append(s.doc.Notices, system.Notices...)
	s.db, err = ospkg.Open(ctx, tree, release)
	if err != nil {
		return nil, err
	}
	if s.db != nil {
		s.doc.Environment.PackageDB, s.doc.Environment.Apt = s.db.Kind, s.db.Apt
		s.doc.Components = append(s.doc.Components, s.db.Components...)
		s.doc.Relations = append(s.doc.Relations, s.db.Relations...)
		s.doc.Gaps = append(s.doc.Gaps, s.db.Gaps...)
		s.doc.Notices = append(s.doc.Notices, s.db.Notices...)
		s.doc.Excluded = append(s.doc.Excluded, s.db.Excluded...)
	} else if kind := ospkg.Expect(release); kind != "" {
		s.gap(sbom.GapSystem, system.File, fmt.Sprintf("%s says %s, and there is no package database of its kind (%s) that can be read", path.Base(system.File), release.ID, kind))
	}
	s.doc.Gaps = append(s.doc.Gaps, ospkg.Unread(tree, s.owned)...)
	s.checkSystem()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.alias = s.aliases()
	s.survey = takeSurvey(tree)
	s.caches = s.findCaches()
	s.pnp = findPnP(tree, func(n rootfs.Node) bool { return s.owned(n) || s.caches.contain(n) })
	var located []rootfs.Node
	for i := range s.pnp {
		located = append(located, s.pnp[i].places(tree)...)
	}
	used := append(usedInCaches(tree, &s.survey, s.caches, located), venvsInCaches(tree, s.caches)...)
	s.programDirs = s.findProgramDirs()
	used = slices.Concat(used, s.searchedInCaches(), s.caches.strays(tree))
	s.caches = s.caches.without(tree, used)
	s.imports = s.findImports()
	return s, nil
}

// examine looks into files: magics first, then the catalogers and our own
// readers.
func (s *scanner) examine(ctx context.Context) error {
	sniffed, gaps, err := s.sniff(ctx)
	if err != nil {
		return err
	}
	s.sniffed = sniffed
	s.doc.Gaps = append(s.doc.Gaps, gaps...)
	view := catalogers.View{Tree: s.tree, Visible: s.visible}
	for _, e := range s.sniffed.executables {
		c := s.caches.of(e.Node)
		if c != nil && !c.opaque {
			s.cached[e.Node] = true
		}
		if c == nil || !c.opaque {
			view.Executables = append(view.Executables, e)
		}
	}
	found, problems, err := catalogers.Run(ctx, view)
	if err != nil {
		return err
	}
	s.found = found
	s.claims = make([]int32, s.tree.Len())
	s.problems = problems
	s.readStores(ctx)
	s.addManagers()
	s.readPython()
	s.readCorepack()
	s.readDeno()
	s.readNode()
	s.readCargo()
	s.readBundler()
	s.readDotnetTools()
	s.readNuGetPackages()
	s.readPnP()
	return ctx.Err()
}

// assemble makes components of what was found.
func (s *scanner) assemble() {
	s.addFound()
	s.shareClaims()
	s.resolveInside()
	s.groupUnaccounted()
	s.settleParts()
	s.settleWith()
	for _, p := range s.problems {
		s.problem(p)
	}
	s.settleReasons()
	s.emit()
	s.findPlaces()
	s.startupCode()
	s.identities()
	s.programNames()
	s.exclude()
	s.excludeOwn()
}

// visible is what the catalogers may see: of caches the programs that are
// run from there, and of what the system owns only the metadata that names what is inside a package.
func (s *scanner) visible(n rootfs.Node) bool {
	if len(s.own) > 0 && s.own[n] {
		return false
	}
	if s.caches.contain(n) {
		return s.cached[n]
	}
	return !s.owned(n) || s.namesInside(n)
}

// namesInside recognises the small metadata files of other ecosystems that
// distributions ship inside their packages.
func (s *inventory) namesInside(n rootfs.Node) bool {
	name := s.tree.Name(n)
	switch name {
	case "METADATA", "PKG-INFO":
		parent := strings.ToLower(s.tree.Name(s.tree.Parent(n)))
		return strings.HasSuffix(parent, "-info")
	case "package.json", "DESCRIPTION", "installed.json", "install.json":
		return true
	}
	switch {
	case strings.HasSuffix(name, ".gemspec"), strings.HasSuffix(name, ".egg-info"), strings.HasSuffix(name, ".rockspec"):
		return true
	case strings.HasSuffix(name, ".json"):
		return s.tree.Name(s.tree.Parent(n)) == "conda-meta"
	}
	return false
}

// problem makes a gap of what a cataloger could not read, unless one of our
// own readers could. Below a directory that counts as unaccounted as a whole it
// is only a notice: the unreadable file is part of the unaccounted directory,
// and nothing was skipped. So it is for a program that another cataloger
// identified. What is over a limit is a gap everywhere.
func (s *scanner) problem(p catalogers.Problem) {
	n := s.tree.Lookup(p.Path)
	detail := p.Cataloger + ": " + p.Detail
	if p.Path == "" || n == rootfs.None {
		s.gap(sbom.GapCataloger, p.Path, detail)
		return
	}
	if s.read[n] {
		return
	}
	if s.tree.Name(n) == "package.json" {
		// Not in a place that Node loads packages from: those were read.
		s.declared(catalogers.Found{Path: p.Path, Name: "package.json"}, n)
		return
	}
	if s.tree.Name(n) == "installed.json" && s.tree.Name(s.tree.Parent(n)) != "composer" {
		return // not Composer's record, which has a directory of that name
	}
	if i := s.accountedBy(n); i >= 0 && !p.Limit && (s.units[i].Kind == sbom.KindFiles || s.units[i].node == n && s.units[i].FoundBy != p.Cataloger) {
		s.notice(sbom.NoticeUnread, p.Path, detail)
		return
	}
	s.gap(sbom.GapCataloger, p.Path, detail)
}

// accountedBy is the unit that a file belongs to: the one that claims it, or
// the directory of unaccounted files around it.
func (s *inventory) accountedBy(n rootfs.Node) int {
	if c := s.claimant(n); c >= 0 {
		return c
	}
	for p := n; p != rootfs.None; p = s.tree.Parent(p) {
		if i, ok := s.unitAt[p]; ok && s.units[i].Kind == sbom.KindFiles {
			return i
		}
	}
	return -1
}

// addFaults adds the files that could not be read and are in no gap yet. It comes
// last: relations read files too.
func (s *scanner) addFaults() {
	known := make(map[string]bool)
	for _, g := range s.doc.Gaps {
		known[g.Path] = true
	}
	for _, g := range s.tree.Faults() {
		if !known[g.Path] {
			s.doc.Gaps = append(s.doc.Gaps, g)
		}
	}
}

// mergePermissions makes one gap of all that a missing permission to read a file
// caused: several readers may have tried, each with an error of its own.
func (s *scanner) mergePermissions() {
	for i, g := range s.doc.Gaps {
		if g.Path == "" {
			continue
		}
		if gap, denied := s.tree.Permission(s.tree.Lookup(g.Path)); denied {
			s.doc.Gaps[i] = gap
		}
	}
}

func (s *scanner) gap(kind sbom.GapKind, path, detail string) {
	s.doc.Gaps = append(s.doc.Gaps, sbom.Gap{Kind: kind, Path: path, Detail: detail})
}

func (s *scanner) notice(kind sbom.NoticeKind, path, detail string) {
	s.doc.Notices = append(s.doc.Notices, sbom.Notice{Kind: kind, Path: path, Detail: detail})
}
