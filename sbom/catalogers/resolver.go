package catalogers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	stereofile "github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// resolver answers the catalogers' queries for files from the index of a tree.
//
// It finds no licences. syft builds a licence scanner to read one (0.7 s), for
// each file again when CreateSBOM has not set one, and a footprint does not
// need licences. Catalogers look for them by a literal directory followed by
// "/*", and by paths. The resolver returns nothing for either, except paths for
// the catalogers in readsPaths, which find metadata by path.
type resolver struct {
	view  View
	paths bool  // the cataloger is one of readsPaths
	limit int64 // size of the files that the cataloger may read, in bytes
	// canceled returns the error of a canceled scan, nil while it runs.
	canceled func() error

	mu     sync.Mutex
	failed []Problem
}

var _ file.Resolver = (*resolver)(nil)

// readsPaths reports whether a cataloger finds metadata by path, and not only
// licences: CPAN's looks up the module beside its packing list, the model
// catalogers the configuration beside the weights.
func readsPaths(cataloger string) bool {
	switch cataloger {
	case "perl-cpan-installed-cataloger", "gguf-cataloger", "safetensors-cataloger":
		return true
	}
	return false
}

// Limits of files for syft's catalogers, in bytes. These read whole files, and
// their parsers take many times the size of a file.
const (
	maxMetadata = 4 << 20   // JSON, YAML and other formats of one package
	maxLists    = 32 << 20  // lists of files: 250,000 lines
	maxNixDB    = 2 << 30   // a database, of which SQLite reads pages
	noLimit     = 1<<63 - 1 // the catalogers of models read heads of files; readers have limits of their own
)

func limitOf(c pkg.Cataloger) int64 {
	if _, own := c.(*reader); own {
		return noLimit
	}
	switch c.Name() {
	case "gguf-cataloger", "safetensors-cataloger":
		return noLimit
	case "nix-cataloger":
		return maxNixDB
	case "python-installed-package-cataloger", "portage-cataloger", "perl-cpan-installed-cataloger", "conda-meta-cataloger":
		return maxLists
	}
	return maxMetadata
}

func newResolver(v View, cataloger string, canceled func() error) *resolver {
	return &resolver{view: v, paths: readsPaths(cataloger), limit: noLimit, canceled: canceled}
}

// problems returns the errors that the catalogers log and do not return.
func (r *resolver) problems() []Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *resolver) fail(p Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, p)
}

func (r *resolver) FileContentsByLocation(l file.Location) (io.ReadCloser, error) {
	if err := r.canceled(); err != nil {
		return nil, err
	}
	n := r.view.Tree.Lookup(l.RealPath)
	if n == rootfs.None || !r.shown(n) {
		return nil, fmt.Errorf("%s: no such file in the environment", l.RealPath)
	}
	f, err := r.view.Tree.OpenFile(n)
	if err != nil {
		// A file that was removed after the walk is none, and a fault is a gap by
		// itself: once, and not for each cataloger.
		if !errors.Is(err, fs.ErrNotExist) && !r.view.Tree.Faulty(n) {
			r.fail(Problem{Path: l.RealPath, Detail: oneLine(err.Error())})
		}
		return nil, err
	}
	if r.limit != noLimit {
		size, err := sizeOf(f)
		if err == nil && size > r.limit {
			err = &rootfs.LimitError{Path: l.RealPath, Limit: r.limit}
		}
		if err != nil {
			f.Close()
			r.fail(Problem{Path: l.RealPath, Detail: oneLine(strings.TrimPrefix(err.Error(), l.RealPath+": ")), Limit: isLimit(err)})
			return nil, err
		}
	}
	return f, nil
}

func (r *resolver) FileMetadataByLocation(l file.Location) (file.Metadata, error) {
	t := r.view.Tree
	n := t.Lookup(l.RealPath)
	if n == rootfs.None {
		return file.Metadata{}, fmt.Errorf("%s: no such file in the environment", l.RealPath)
	}
	info, err := t.Stat(n)
	if err != nil {
		return file.Metadata{}, err
	}
	return file.Metadata{FileInfo: info, Path: l.RealPath, Type: stereofile.TypeFromMode(info.Mode())}, nil
}

func (r *resolver) HasPath(p string) bool {
	return r.view.Tree.Resolve(p) != rootfs.None
}

func (r *resolver) FilesByPath(paths ...string) ([]file.Location, error) {
	if !r.paths {
		return nil, nil
	}
	var out []file.Location
	for _, p := range paths {
		if l := r.lookup(p); l != nil {
			out = append(out, *l)
		}
	}
	return out, nil
}

func (r *resolver) lookup(p string) *file.Location {
	n := r.view.Tree.Resolve(p)
	if n == rootfs.None || !r.shown(n) {
		return nil
	}
	l := location(r.view.Tree.Path(n), path.Clean("/"+p))
	return &l
}

// FilesByGlob returns each file once: by its own path when that matches, else by
// the first link that matches.
func (r *resolver) FilesByGlob(patterns ...string) ([]file.Location, error) {
	t := r.view.Tree
	var out []file.Location
	seen := make(map[rootfs.Node]int)
	for _, pattern := range patterns {
		if err := r.canceled(); err != nil {
			return nil, err
		}
		if looksForLicences(pattern) {
			continue
		}
		g, err := rootfs.CompileGlob(pattern)
		if err != nil {
			r.fail(Problem{Detail: fmt.Sprintf("pattern %q: %v", pattern, err)})
			return nil, err
		}
		t.Glob(g, nil, func(n rootfs.Node) bool {
			real := n
			if t.Kind(n) == rootfs.Symlink {
				if real = t.ResolveNode(n); real == rootfs.None {
					return true
				}
			}
			if !r.shown(real) {
				return true
			}
			l := location(t.Path(real), t.Path(n))
			if i, ok := seen[real]; ok {
				if real == n {
					out[i] = l
				}
				return true
			}
			seen[real] = len(out)
			out = append(out, l)
			return true
		})
	}
	return out, nil
}

// FilesByMIMEType supports the types of executables, the only ones that the
// catalogers use. Another type is a problem and not an empty result.
func (r *resolver) FilesByMIMEType(types ...string) ([]file.Location, error) {
	want := make(map[ExecutableType]bool)
	for _, mime := range types {
		switch mime {
		case "application/x-executable", "application/x-sharedlib", "application/x-elf":
			want[ELF] = true
		case "application/x-mach-binary":
			want[MachO] = true
		case "application/vnd.microsoft.portable-executable":
			want[PE] = true
		default:
			r.fail(Problem{Detail: fmt.Sprintf("a cataloger looks for files of type %q, which the tree does not index", mime)})
		}
	}
	var out []file.Location
	for _, e := range r.view.Executables {
		if want[e.Type] {
			out = append(out, file.NewLocation(r.view.Tree.Path(e.Node)))
		}
	}
	return out, nil
}

func (r *resolver) RelativeFileByPath(_ file.Location, p string) *file.Location {
	return r.lookup(p)
}

func (r *resolver) AllLocations(ctx context.Context) <-chan file.Location {
	out := make(chan file.Location)
	go func() {
		defer close(out)
		t := r.view.Tree
		for n := rootfs.Node(0); int(n) < t.Len(); n++ {
			if !r.view.Visible(n) {
				continue
			}
			select {
			case out <- file.NewLocation(t.Path(n)):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// shown reports whether a node is a regular file that catalogers may read.
func (r *resolver) shown(n rootfs.Node) bool {
	t := r.view.Tree
	return t.Kind(n) == rootfs.File && r.view.Visible(n)
}

func location(real, access string) file.Location {
	if real == access {
		return file.NewLocation(real)
	}
	return file.NewVirtualLocation(real, access)
}

// looksForLicences reports whether a pattern is that of syft's search for
// licences in the directory of a package.
func looksForLicences(pattern string) bool {
	dir, ok := strings.CutSuffix(pattern, "/*")
	return ok && !strings.ContainsAny(dir, `*?[{`)
}
