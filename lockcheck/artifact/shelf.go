package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// shelf is a directory with artifacts, of which the files are listed once, when
// one is first needed.
type shelf struct {
	// name is the directory in messages.
	name string
	fsys fs.FS
	// roots are directories or files of fsys. Missing ones are ignored in a
	// cache and an error in a directory that the user named.
	roots []string
	named bool
	// kinds are those in it, nil for all.
	kinds []Kind
	// deep is set where a name may say nothing about a file, so that the digest of
	// every file is computed when no name fits.
	deep bool

	once   sync.Once
	err    error // of listing it
	items  []*item
	byName map[string][]*item
}

// item is a file on a shelf.
type item struct {
	shelf *shelf
	path  string
	size  int64

	mu   sync.Mutex
	sums map[string]string // by algorithm; "" for a file that could not be read
}

// maxItems is the number of files of all directories.
const maxItems = 2_000_000

// list lists the files of a shelf.
func (s *shelf) list(ctx context.Context) {
	s.once.Do(func() {
		s.byName = map[string][]*item{}
		for _, root := range s.roots {
			err := fs.WalkDir(s.fsys, root, func(p string, d fs.DirEntry, err error) error {
				switch {
				case err != nil && p == root && errors.Is(err, fs.ErrNotExist) && !s.named:
					return nil
				case err != nil:
					s.err = errors.Join(s.err, err)
					return nil
				case ctx.Err() != nil:
					return ctx.Err()
				case d.IsDir():
					return nil
				case len(s.items) >= maxItems:
					return fmt.Errorf("more than %d files", maxItems)
				}
				s.put(p, d)
				return nil
			})
			s.err = errors.Join(s.err, err)
		}
	})
}

// put adds a file. Links are followed, since stores of artifacts are often
// directories of links; directories behind links are not listed.
func (s *shelf) put(p string, d fs.DirEntry) {
	info, err := d.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = fs.Stat(s.fsys, p)
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return
	}
	it := &item{shelf: s, path: p, size: info.Size()}
	s.items = append(s.items, it)
	key := nameKey(path.Base(p))
	s.byName[key] = append(s.byName[key], it)
}

// nameKey is the form in which names of files are compared. Those of wheels are
// reduced to name and version, because a lock need not have the tags.
func nameKey(base string) string {
	base = ecosystem.Lower(base)
	if stem, ok := strings.CutSuffix(base, ".whl"); ok {
		if parts := strings.SplitN(stem, "-", 3); len(parts) == 3 {
			return wheelKey(parts[0], parts[1])
		}
	}
	return strings.ReplaceAll(base, "%3a", ":")
}

// wheelKey is the key of a wheel. Escaping of names and versions differs between
// the programs that build wheels.
func wheelKey(name, version string) string {
	plain := strings.NewReplacer("_", "-", ".", "-", "+", "-", "!", "-")
	return plain.Replace(ecosystem.Lower(name)) + "/" + plain.Replace(ecosystem.Lower(version)) + ".whl"
}

// names returns the keys of file names that an artifact may have, and a part of
// the path that files of the name may be preferred by.
func names(w Want, digests []string) []string {
	var out []string
	add := func(s string) { out = append(out, nameKey(s)) }
	if w.File != "" {
		file, _, _ := strings.Cut(w.File, "?")
		file, _, _ = strings.Cut(file, "#")
		add(path.Base(file))
	}
	_, short, scoped := strings.Cut(w.Name, "/")
	if !scoped {
		short = w.Name
	}
	switch w.Kind {
	case Deb:
		_, upstream, ok := strings.Cut(w.Version, ":")
		if !ok {
			upstream = w.Version
		}
		for _, v := range []string{upstream, w.Version} {
			for _, arch := range []string{w.Arch, "all"} {
				add(w.Name + "_" + v + "_" + arch + ".deb")
			}
		}
	case RPM:
		_, v, ok := strings.Cut(w.Version, ":")
		if !ok {
			v = w.Version
		}
		add(w.Name + "-" + v + "." + w.Arch + ".rpm")
		add(w.Name + "-" + v + ".noarch.rpm")
	case APK:
		add(w.Name + "-" + w.Version + ".apk")
	case ALPM:
		for _, arch := range []string{w.Arch, "any"} {
			for _, ext := range []string{"zst", "xz", "gz", "bz2"} {
				add(w.Name + "-" + w.Version + "-" + arch + ".pkg.tar." + ext)
			}
		}
	case Wheel:
		out = append(out, wheelKey(w.Name, w.Version))
	case NPM:
		add(short + "-" + w.Version + ".tgz")
		if scoped {
			scope := strings.TrimPrefix(w.Name, "@")
			add(strings.ReplaceAll(scope, "/", "-") + "-" + w.Version + ".tgz") // npm pack
			add("@" + strings.ReplaceAll(scope, "/", "-") + "-" + w.Version + ".tgz")
		}
	case Gem:
		add(w.Name + "-" + w.Version + ".gem")
		if w.Arch != "" {
			add(w.Name + "-" + w.Version + "-" + w.Arch + ".gem")
		}
	case Crate:
		add(w.Name + "-" + w.Version + ".crate")
	case GoZip:
		add(w.Version + ".zip")
		add(path.Base(w.Name) + "@" + w.Version + ".zip")
	}
	for _, d := range digests {
		// Stores by content: a file is named by its digest, or by what follows
		// the first directories that are made of it.
		if _, value, _ := strings.Cut(d, ":"); len(value) > 8 && !strings.Contains(value, "/") {
			out = append(out, value, value[2:], value[4:])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// plausible reports whether a file that has another name may be an artifact of
// a kind: it has its extension, or none that is another kind's.
func plausible(k Kind, base string) bool {
	base = ecosystem.Lower(base)
	for _, e := range extensions() {
		if strings.HasSuffix(base, e.suffix) {
			return slices.Contains(e.kinds, k)
		}
	}
	return true
}

type extension struct {
	suffix string
	kinds  []Kind
}

func extensions() []extension {
	return []extension{
		{".deb", []Kind{Deb}},
		{".rpm", []Kind{RPM}},
		{".apk", []Kind{APK}},
		{".pkg.tar.zst", []Kind{ALPM}},
		{".pkg.tar.xz", []Kind{ALPM}},
		{".whl", []Kind{Wheel}},
		{".tgz", []Kind{NPM}},
		{".tar.gz", []Kind{NPM, ALPM}},
		{".gem", []Kind{Gem}},
		{".conda", []Kind{Conda}},
		{".tar.bz2", []Kind{Conda}},
		{".crate", []Kind{Crate}},
		{".zip", []Kind{GoZip, Wheel}},
		{".json", nil},
		{".txt", nil},
		{".html", nil},
		{".info", nil},
		{".mod", nil},
	}
}

// sum returns the digest of an item by an algorithm, which is computed once.
func (it *item) sum(ctx context.Context, algorithm string) (string, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if d, ok := it.sums[algorithm]; ok {
		return d, nil
	}
	r, c, err := it.open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	d, err := digest(newBudget(ctx, r.Size()), r, algorithm)
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if it.sums == nil {
		it.sums = map[string]string{}
	}
	it.sums[algorithm] = d
	return d, err
}

// open opens a file of a shelf.
func (it *item) open() (Reader, io.Closer, error) {
	return openFile(it.shelf.fsys, it.path)
}

// maxLoaded is the size of an artifact that is read into memory as a whole, in
// bytes.
const maxLoaded = 32 << 20

// openFile opens an artifact. One of a file system without random access is read
// into memory.
func openFile(fsys fs.FS, name string) (Reader, io.Closer, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil && info.Size() > maxArtifact {
		err = limitError("the artifact", maxArtifact)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	if r, ok := f.(io.ReaderAt); ok {
		return sized{r, info.Size()}, f, nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 8*maxLoaded+1))
	if err == nil && len(data) > 8*maxLoaded {
		err = limitError("an artifact in a file system without random access", 8*maxLoaded)
	}
	if err != nil {
		return nil, nil, err
	}
	return bytes.NewReader(data), io.NopCloser(nil), nil
}

type sized struct {
	io.ReaderAt
	size int64
}

func (s sized) Size() int64 { return s.size }
