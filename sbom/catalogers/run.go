// Package catalogers finds the installed packages of languages and other
// ecosystems: with syft's catalogers, where they link little, and with readers
// of its own, where they do not. Only this package and those below it import
// syft.
//
// # Why the catalogers are called directly
//
// syft.CreateSBOM walks the tree again, builds a licence scanner, hashes files
// that packages own, and returns a partial result without an error when its
// context is canceled. A footprint needs only the catalogers, each a
// pkg.Cataloger over a file.Resolver. Package rootfs has the tree already, and
// resolver.go answers syft's queries from its index.
//
// # Why some catalogers are replaced
//
// Nine of syft's packages link 120 modules that no scan runs: a downloader with
// the SDKs of three clouds, gRPC, a git client. The readers in this package
// (reader.go) replace their catalogers. They report packages in syft's terms
// and under its names, and package oracle compares them with the catalogers
// that they replace. docs/modules.md has the list. The parsers are below
// internal. They do not import the tree, and syft for one list only; each size
// that a file declares has a limit, and each parser a fuzz target.
//
// # What the catalogers see
//
// The caller decides which files are visible. Files that packages of the
// operating system own are hidden, except the small metadata files that name
// what is bundled with them, and so are the caches of package managers. A scan
// is fast for this reason, and parsers see fewer untrusted files.
//
// # Results
//
// [Run] returns [Found] values with plain data, and a [Problem] for everything
// that a cataloger could not read. A cataloger that fails or panics is a
// problem and not a shorter list. A canceled run has no result.
package catalogers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	gosync "github.com/anchore/go-sync"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers/internal/jar"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Version names the catalogers in reports and baselines: the release of syft,
// which a test compares with go.mod, and the version of the readers in this
// module. Raise the latter when a reader finds other packages in the same files.
const Version = "syft v1.54.1, readers 3"

// View is what the catalogers may see of an environment.
type View struct {
	Tree *rootfs.Tree
	// Visible reports whether catalogers may read a file. It must be safe for
	// concurrent use.
	Visible func(rootfs.Node) bool
	// Executables are the visible files that begin like an ELF, Mach-O or PE
	// file, in node order.
	Executables []Executable
}

// Executable is a file with machine code.
type Executable struct {
	Node rootfs.Node
	Type ExecutableType
}

// ExecutableType is the format of an executable.
type ExecutableType uint8

const (
	ELF       ExecutableType = iota + 1 // ET_EXEC and ET_DYN: programs and shared libraries
	ELFObject                           // ET_REL and ET_CORE: objects, kernel modules, core files
	MachO
	PE
)

// Found is one package as a cataloger reported it.
type Found struct {
	Cataloger string
	// Type is the purl type; Namespace, Name and Version are as in the purl
	// where there is one, else as reported.
	Type, Namespace, Name, Version string
	PURL                           string
	// Path is the primary evidence. Paths is all evidence, sorted.
	Path  string
	Paths []string
	// Files are the paths that the package's own metadata claims, absolute.
	Files []string
	// Within is the path of the package in the archive at Path ("lib/x.jar"),
	// empty when it is the archive itself.
	Within string
	// Carried is true for a package that is linked or packed into the file at
	// Path and not installed by itself: a module of a Go program other than its
	// main module, a crate, a jar in a jar.
	Carried bool
	// Classifier is true for a package that was recognised by text in a binary,
	// or by the description in a PE file. It names the file and is not counted.
	Classifier bool
	// Described is true for a Classifier package that was recognised by the
	// description in the file and not by its content.
	Described bool
	Digests   []sbom.Digest
	Install   *sbom.Install
	// Supplier and Licenses are as in [sbom.Component].
	Supplier string
	Licenses []string
	// Dir is the directory of the package by the installer's record, absolute,
	// empty where there is no record of it.
	Dir string
}

// Problem is something that a cataloger could not read.
type Problem struct {
	Cataloger string
	Path      string // empty when the cataloger's error has none
	Detail    string
	// Limit is true when a part of the file was not read because it is over a
	// limit: what that part contains is unknown, even if the file is recognised.
	Limit bool
}

// isLimit reports whether an error means that a file is over a limit.
func isLimit(err error) bool {
	return jar.IsLimit(err) || errors.As(err, new(*rootfs.LimitError))
}

// Run runs all catalogers over the view. It returns an error only when ctx
// ends before all of them do.
func Run(ctx context.Context, v View) ([]Found, []Problem, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	// syft's executors return early when their context ends, and their workers
	// go on writing. So their context does not end: the resolver returns errors
	// instead, and the catalogers finish.
	work, done := withTempDir(withExecutors(context.WithoutCancel(ctx)))
	defer done()
	catalogers := catalogers()
	results := make([]result, len(catalogers))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, c := range catalogers {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			r := newResolver(v, c.Name(), ctx.Err)
			r.limit = limitOf(c)
			results[i] = runOne(work, c, r)
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("scan canceled: %w", err)
	}
	var found []Found
	var problems []Problem
	for i, c := range catalogers {
		found = append(found, results[i].found...)
		for _, p := range results[i].problems {
			p.Cataloger = cmp.Or(p.Cataloger, c.Name())
			problems = append(problems, p)
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int {
		return strings.Compare(a.Path+"\x00"+a.PURL+"\x00"+a.Name+"\x00"+a.Within, b.Path+"\x00"+b.PURL+"\x00"+b.Name+"\x00"+b.Within)
	})
	return found, problems, nil
}

type result struct {
	found    []Found
	problems []Problem
}

// runOne runs one cataloger. syft's generic cataloger recovers from panics in
// its processors; other catalogers do not.
func runOne(ctx context.Context, c pkg.Cataloger, r *resolver) (res result) {
	defer func() {
		if p := recover(); p != nil {
			res.problems = append(r.problems(), Problem{Detail: fmt.Sprintf("panic: %v", p)})
		}
	}()
	packages, _, err := c.Catalog(ctx, r)
	for _, p := range packages {
		res.found = append(res.found, translate(cmp.Or(p.FoundBy, c.Name()), p))
	}
	// A cataloger returns an error together with what it found. Each part of
	// the error is a problem.
	res.problems = append(problemsOf(err), r.problems()...)
	return res
}

// withExecutors sets the executors that syft.CreateSBOM would set. Catalogers
// run in parallel here, and each reads its files one after the other; the pool
// is for those that start several readers.
func withExecutors(ctx context.Context) context.Context {
	n := runtime.GOMAXPROCS(0)
	ctx = gosync.SetContextExecutor(ctx, cataloging.ExecutorCPU, gosync.NewExecutor(n))
	return gosync.SetContextExecutor(ctx, cataloging.ExecutorFile, gosync.NewExecutor(n))
}

// problemsOf splits an error: those of our readers, and syft's, which are joined
// errors of a type that is internal to syft.
func problemsOf(err error) []Problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []Problem
		for _, e := range joined.Unwrap() {
			out = append(out, problemsOf(e)...)
		}
		return out
	}
	if own, ok := err.(*readError); ok {
		return []Problem{{Cataloger: own.cataloger, Path: own.path, Detail: oneLine(strings.TrimPrefix(own.err.Error(), own.path+": ")), Limit: isLimit(own.err)}}
	}
	if path, reason, ok := coordinates(err); ok {
		return []Problem{{Path: path, Detail: reason}}
	}
	if inner := errors.Unwrap(err); inner != nil {
		if parts := problemsOf(inner); len(parts) > 1 || parts[0].Path != "" {
			return parts
		}
	}
	return []Problem{{Detail: oneLine(err.Error())}}
}

// maxDetail is the length of a problem's text. Some parsers put the whole file
// into their error: 100 MB of a yarn.lock.
const maxDetail = 300

func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail], "") + "..."
	}
	return s
}
