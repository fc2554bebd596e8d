// Package catalogers finds installed packages of languages and other ecosystems
// with syft's catalogers. It is the only package that knows syft.
//
// # Why the catalogers are called directly
//
// syft.CreateSBOM walks the tree again, builds a licence scanner, hashes
// files that packages own, and, when its context is cancelled, returns a
// partial result without an error. All that a footprint needs are the
// catalogers themselves, each a pkg.Cataloger over a file.Resolver. Package
// environ has the tree already; resolver.go answers syft's questions from
// its index.
//
// # What the catalogers see
//
// Only what the caller shows them: files that the operating system's
// packages own are hidden but for the small metadata files that name what is
// inside them, and so are package managers' caches. That is where the speed
// comes from, and it keeps hostile files away from parsers that have no
// business with them.
//
// # What comes back
//
// [Found] values with plain data, and [Problem] values for everything that a
// cataloger could not read. A cataloger that fails or panics is a problem,
// never a shorter list. A cancelled run has no result at all.
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
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Version names the engine, for reports and baselines. A test holds it to
// the version in go.mod.
const Version = "syft v1.54.1"

// View is what the catalogers may see of an environment.
type View struct {
	Tree *rootfs.Tree
	// Visible says whether a file is shown. It must be safe for concurrent
	// use.
	Visible func(rootfs.Node) bool
	// Executables are the visible files with the magic of an ELF, Mach-O or
	// PE file, in node order.
	Executables []Executable
}

// Executable is a file that a processor can run or load.
type Executable struct {
	Node rootfs.Node
	Type ExecutableType
}

// ExecutableType tells the formats of executables apart.
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
	// Path is the primary evidence; Paths has all of it, sorted.
	Path  string
	Paths []string
	// Files are the paths that the package's own metadata claims, absolute.
	Files []string
	// Within is the path inside an archive at Path where the package lies
	// ("lib/x.jar"), empty when it is the archive itself.
	Within string
	// Carried says that the package is linked or packed into the file at
	// Path rather than installed by itself: a module in a Go binary that is
	// not its main module, a crate, a jar in a jar.
	Carried bool
	// Classifier says that the package was recognised by strings inside a
	// binary, or by a PE file's own description: good for naming a file, not
	// for counting a package.
	Classifier bool
	// Described says that it was the file's own description and not its
	// content by which a Classifier package was recognised.
	Described bool
	Digests   []sbom.Digest
	Install   *sbom.Install
}

// Problem is something that a cataloger could not read.
type Problem struct {
	Cataloger string
	Path      string // empty when the cataloger did not say
	Detail    string
}

// Run runs all catalogers over the view. It returns an error only when ctx
// ends before all of them have.
func Run(ctx context.Context, v View) ([]Found, []Problem, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	// The executors behind the catalogers return early when their context
	// ends and leave workers behind that go on writing. So their context does
	// not end: the resolver refuses, and they run out of work.
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
			results[i] = runOne(work, c, newResolver(v, c.Name(), ctx.Err))
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("scan cancelled: %w", err)
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

// runOne runs one cataloger. A panic in a processor of syft's generic
// cataloger is recovered there, one in a cataloger of another kind is not.
func runOne(ctx context.Context, c pkg.Cataloger, r *resolver) (res result) {
	defer func() {
		if p := recover(); p != nil {
			res.problems = append(res.problems, Problem{Detail: fmt.Sprintf("panic: %v", p)})
		}
	}()
	packages, _, err := c.Catalog(ctx, r)
	for _, p := range packages {
		res.found = append(res.found, translate(cmp.Or(p.FoundBy, c.Name()), p))
	}
	// An error comes with partial results: what was found stands, and each
	// part of the error is something that was not.
	res.problems = append(problemsOf(err), r.problems()...)
	return res
}

// withExecutors sets the executors that syft.CreateSBOM would set.
// Catalogers run side by side here, so each works through its own files one
// after the other; the pool is for those that fan out.
func withExecutors(ctx context.Context) context.Context {
	n := runtime.GOMAXPROCS(0)
	ctx = gosync.SetContextExecutor(ctx, cataloging.ExecutorCPU, gosync.NewExecutor(n))
	return gosync.SetContextExecutor(ctx, cataloging.ExecutorFile, gosync.NewExecutor(n))
}

// problemsOf takes syft's error trees apart: errors.Join of coordinate
// errors, whose type is internal to syft.
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
		return []Problem{{Cataloger: own.cataloger, Path: own.path, Detail: oneLine(own.err.Error())}}
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

// maxDetail bounds the text of one problem: a parser may put a whole file
// into its error (a 100 MB yarn.lock has been seen).
const maxDetail = 300

func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail], "") + "..."
	}
	return s
}
