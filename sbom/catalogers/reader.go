package catalogers

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// reader is a cataloger of our own: one that replaces catalogers of syft
// whose packages cannot be linked (docs/modules.md). It reports packages in
// syft's terms, so that one function translates both.
type reader struct {
	name string
	// replaces are the names of syft's catalogers, if there is more than one.
	// They are what components are found by.
	replaces []string
	find     func(context.Context, *finder)
}

func (r *reader) Name() string { return r.name }

func (r *reader) Catalog(ctx context.Context, files file.Resolver) ([]pkg.Package, []artifact.Relationship, error) {
	f := &finder{files: files, by: r.name}
	r.find(ctx, f)
	return f.packages, nil, errors.Join(f.errors...)
}

// finder collects what one reader finds.
type finder struct {
	files    file.Resolver
	by       string
	packages []pkg.Package
	errors   []error
	searched map[string]int64 // bytes that were searched for versions, by path
}

// readError is an error for one file.
type readError struct {
	cataloger, path string
	err             error
}

func (e *readError) Error() string { return e.path + ": " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

func (f *finder) fail(by, path string, err error) {
	if err != nil {
		f.errors = append(f.errors, &readError{by, path, err})
	}
}

// add adds a package whose evidence is a file.
func (f *finder) add(by string, at file.Location, p pkg.Package) {
	p.FoundBy = by
	p.Locations.Add(at.WithAnnotation(pkg.EvidenceAnnotationKey, pkg.PrimaryEvidenceAnnotation))
	f.packages = append(f.packages, p)
}

// glob returns the files that match one of the patterns.
func (f *finder) glob(patterns ...string) []file.Location {
	found, err := f.files.FilesByGlob(patterns...)
	if err != nil {
		f.fail(f.by, "", err)
	}
	return found
}

// executables returns the files of the types that a processor runs or loads.
func (f *finder) executables(types ...string) []file.Location {
	found, err := f.files.FilesByMIMEType(types...)
	if err != nil {
		f.fail(f.by, "", err)
	}
	return found
}

// each calls a function with the content of each file. What it panics with is
// an error for that file.
func (f *finder) each(files []file.Location, read func(file.Location, rootfs.Content) error) {
	for _, at := range files {
		if err := f.open(at, read); err != nil {
			f.fail(f.by, at.RealPath, err)
		}
	}
}

func (f *finder) open(at file.Location, read func(file.Location, rootfs.Content) error) (err error) {
	content, err := f.content(at)
	if err != nil {
		return nil // the resolver has it among its problems
	}
	defer content.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return read(at, &paged{Content: content})
}

// pageSize is the number of bytes that a small read fetches at once.
const pageSize = 8 << 10

// paged is a file whose small reads at an offset are served from the page that
// was read last. debug/pe reads the symbols of a file one by one, 18 bytes
// each, and several readers look at the same headers. It is for one goroutine.
type paged struct {
	rootfs.Content
	page []byte // nil before the first small read
	at   int64
	end  error // that the page ended with
}

func (p *paged) ReadAt(b []byte, off int64) (int, error) {
	if len(b) >= pageSize || off < 0 {
		return p.Content.ReadAt(b, off)
	}
	if p.page == nil || off < p.at || int64(len(b)) > p.at+int64(len(p.page))-off {
		if p.page == nil {
			p.page = make([]byte, pageSize)
		}
		p.page = p.page[:pageSize]
		n, err := p.Content.ReadAt(p.page, off)
		p.page, p.at, p.end = p.page[:n], off, err
	}
	n := copy(b, p.page[off-p.at:])
	if n < len(b) {
		return n, p.end
	}
	return n, nil
}

func (f *finder) content(at file.Location) (rootfs.Content, error) {
	r, err := f.files.FileContentsByLocation(at)
	if err != nil {
		return nil, err
	}
	c, ok := r.(rootfs.Content)
	if !ok {
		r.Close()
		return nil, fmt.Errorf("%s: cannot be read at an offset", at.RealPath)
	}
	return c, nil
}

// readAll reads a whole file of at most limit bytes.
func readAll(c rootfs.Content, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(c, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &rootfs.LimitError{Path: c.Name(), Limit: limit}
	}
	return data, nil
}

// sizeOf is the size of an open file.
func sizeOf(c rootfs.Content) (int64, error) {
	info, err := c.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// addBeside marks other files that a package was recognised by.
func addBeside(p *pkg.Package, paths []string) {
	for _, path := range paths {
		p.Locations.Add(file.NewLocation(path).WithAnnotation(pkg.EvidenceAnnotationKey, pkg.SupportingEvidenceAnnotation))
	}
}
