package catalogers

import (
	"context"
	"path"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/classify"
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
	return c, nil
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
