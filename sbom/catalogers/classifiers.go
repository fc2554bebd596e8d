package catalogers

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/classify"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// newClassifiers recognises well-known programs and libraries by text in them.
func newClassifiers() *reader {
	r := &reader{name: "binary-classifier-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		classes, err := classify.Classes()
		f.fail(r.name, "", err)
		f.classify(classes)
	}
	return r
}

// newPHP recognises PHP's interpreters and their extensions.
func newPHP() *reader {
	r := &reader{name: "php-interpreter-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		classes, err := classify.PHP()
		f.fail(r.name, "", err)
		f.classify(classes)
		for _, at := range f.glob("**/php*/**/*.so") {
			name, ok := strings.CutSuffix(path.Base(at.RealPath), ".so")
			if !ok {
				continue // a link with that name
			}
			class, err := classify.PHPExtension(name)
			if err == nil {
				err = f.match(&class, at)
			}
			f.fail(r.name, at.RealPath, err)
		}
	}
	return r
}

func (f *finder) classify(classes []classify.Class) {
	for i := range classes {
		for _, at := range f.glob(classes[i].Glob) {
			f.fail(f.by, at.RealPath, f.match(&classes[i], at))
		}
	}
}

func (f *finder) match(class *classify.Class, at file.Location) error {
	m, err := class.Match(classifierFiles{f}, at.RealPath)
	if err != nil || m == nil {
		return err
	}
	p := pkg.Package{Name: m.Name, Version: m.Version, Type: pkg.BinaryPkg, Metadata: pkg.BinarySignature{}}
	if u, err := packageurl.FromString(m.PURL); err == nil {
		u.Version = m.Version
		p.PURL = u.ToString()
	}
	addBeside(&p, m.Beside)
	f.add(f.by, at, p)
	return nil
}

// classifierFiles gives the classes access to the environment.
type classifierFiles struct{ f *finder }

func (e classifierFiles) Open(name string) (classify.Content, error) {
	c, err := e.f.content(file.NewLocation(name))
	if err != nil {
		return nil, err
	}
	if e.f.searched == nil {
		e.f.searched = make(map[string]int64)
	}
	return &searchedFile{Content: c, f: e.f, path: name}, nil
}

// maxSearched is the number of bytes of one file that are searched by all
// expressions together. The largest programs have 300 MB, and some expressions
// search 10 MB in a second.
const maxSearched = 512 << 20

// searchedFile is a file that is searched within the limit.
type searchedFile struct {
	rootfs.Content
	f    *finder
	path string
}

func (s *searchedFile) Read(b []byte) (int, error) {
	if s.f.searched[s.path] >= maxSearched {
		return 0, fmt.Errorf("the version was not found in the first %d bytes that were searched", int64(maxSearched))
	}
	n, err := s.Content.Read(b)
	s.f.searched[s.path] += int64(n)
	return n, err
}

func (e classifierFiles) Glob(pattern string) ([]string, error) {
	found, err := e.f.files.FilesByGlob(pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range found {
		out = append(out, l.RealPath)
	}
	return out, nil
}
