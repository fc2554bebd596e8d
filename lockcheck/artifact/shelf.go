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
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// shelf is a directory with artifacts, of which the files are listed once, when
// one is first needed.
type shelf struct {
	// name is the directory that the user named, empty for a cache.
	name string
	fsys fs.FS
	// roots are directories or files of fsys; find finds them for a cache, of
	// which missing or unreadable directories are ignored.
	roots []string
	find  func() []string
	// depth is how many levels of directories are listed, 0 for all.
	depth int
	// kinds are those in it, nil for all.
	kinds []Kind
	// deep is set where files may have any name, so that the digests of those
	// with unusual ones are computed when no name fits.
	deep bool

	once   sync.Once
	items  int
	byName map[string][]*item
	odd    []*item // those with unusual names

	mu       sync.Mutex
	err      error // of listing it, and of the limit
	byDigest map[digestKey]map[string]*item
	hashed   int64
}

// digestKey is what an index by digest is for.
type digestKey struct {
	kind      Kind
	algorithm string
}

// item is a file on a shelf.
type item struct {
	shelf *shelf
	path  string
	size  int64

	mu   sync.Mutex
	sums map[string]string // by algorithm; "" for a file that could not be read
}

const (
	// maxItems is the number of files of a shelf.
	maxItems = 500_000
	// maxHashed is the size in bytes of the files with unusual names that are
	// hashed on one shelf: some seconds.
	maxHashed = 4 << 30
)

// has reports whether a shelf may have artifacts of a kind.
func (s *shelf) has(k Kind) bool { return s.kinds == nil || slices.Contains(s.kinds, k) }

// list lists the files of a shelf.
func (s *shelf) list(ctx context.Context) {
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.byName = map[string][]*item{}
		if s.find != nil {
			s.roots = s.find()
		}
		for _, root := range s.roots {
			err := fs.WalkDir(s.fsys, root, func(p string, d fs.DirEntry, err error) error {
				switch {
				case err != nil && s.name == "":
					return nil
				case err != nil:
					s.err = errors.Join(s.err, err)
					return nil
				case ctx.Err() != nil:
					return ctx.Err()
				case d.IsDir() && s.depth > 0 && p != root && strings.Count(p[len(root):], "/") >= s.depth:
					return fs.SkipDir
				case d.IsDir():
					return nil
				case s.items >= maxItems:
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
	s.items++
	base := path.Base(p)
	key := nameKey(base)
	s.byName[key] = append(s.byName[key], it)
	if s.deep && !usual(base) {
		s.odd = append(s.odd, it)
	}
}

// findDigest returns a file with an unusual name by its digest.
func (s *shelf) findDigest(ctx context.Context, k Kind, d string) (*item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	algorithm, _, _ := strings.Cut(d, ":")
	key := digestKey{k, algorithm}
	index, ok := s.byDigest[key]
	if !ok {
		index = map[string]*item{}
		skipped := false
		for _, it := range s.odd {
			if !plausible(k, path.Base(it.path)) {
				continue
			}
			if s.hashed+it.size > maxHashed {
				skipped = true
				continue
			}
			have, err := it.sum(ctx, k, algorithm)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err == nil && have != "" {
				index[have] = it
				s.hashed += it.size
			}
		}
		if skipped {
			s.err = errors.Join(s.err, fmt.Errorf("more than %d GiB in files whose names do not identify them: not all were looked at (name them as the index does)", maxHashed>>30))
		}
		if s.byDigest == nil {
			s.byDigest = map[digestKey]map[string]*item{}
		}
		s.byDigest[key] = index
	}
	return index[d], nil
}

// usual reports whether a file name has the form that identifies an artifact, so
// that one with another name or version is another artifact.
func usual(base string) bool { return usualName.MatchString(base) }

// usualName has the forms of .deb (dpkg-name(1)), wheels, and npm
// tarballs, crates and .rpm with their versions.
var usualName = lazyregexp.New(`^[^_]+_[^_]+_[^_]+\.deb$|^[^-]+-\d[^-]*(-[^-]+)?-[^-]+-[^-]+-[^-]+\.whl$|-\d+\.\d+\.\d+.*\.(tgz|crate)$|-[^-]+-[^-]+\.[^.]+\.rpm$`)

// nameKey is the form in which names of files are compared. Those of wheels are
// reduced to name and version, because a lock need not have the tags.
func nameKey(base string) string {
	base = ecosystem.Lower(base)
	if stem, ok := strings.CutSuffix(base, ".whl"); ok {
		if parts := strings.SplitN(stem, "-", 3); len(parts) == 3 {
			return wheelKey(parts[0], parts[1])
		}
	}
	if stem, ok := strings.CutSuffix(base, ".apk"); ok {
		return apkKey(stem) + ".apk"
	}
	if m := yarnFile.FindStringSubmatch(base); m != nil {
		return m[1] + ".yarn"
	}
	return strings.ReplaceAll(base, "%3a", ":")
}

// yarnFile matches the name of a file in Yarn's caches: the package, the hash of its
// locator, and the first digits of the checksum or the key of the cache (slugifyLocator
// in packages/yarnpkg-core/sources/structUtils.ts, getChecksumFilename in Cache.ts).
var yarnFile = lazyregexp.New(`^(.+)-[0-9a-f]{10}-[0-9a-z._]+\.zip$`)

// wheelKey is the key of a wheel. Escaping of names and versions differs between
// the programs that build wheels.
func wheelKey(name, version string) string {
	plain := strings.NewReplacer("_", "-", ".", "-", "+", "-", "!", "-")
	return plain.Replace(ecosystem.Lower(name)) + "/" + plain.Replace(ecosystem.Lower(version)) + ".whl"
}

// names returns the keys of file names that an artifact may have.
func names(w Want, digest string) []string {
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
	case NPM, Yarn:
		if w.Kind == Yarn {
			slug := ecosystem.Lower(strings.Replace(w.Name, "/", "-", 1))
			out = append(out, slug+"-npm-"+ecosystem.Lower(w.Version)+".yarn")
			for _, protocol := range []string{"patch", "https", "http", "file", "exotic"} {
				out = append(out, slug+"-"+protocol+".yarn")
			}
		}
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
	// Stores by content: a file is named by its digest, or by what follows the
	// first directories that are made of it.
	if algorithm, value, _ := strings.Cut(digest, ":"); algorithm != algH1 {
		out = append(out, value, value[2:], value[4:])
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
		{".tgz", []Kind{NPM, Yarn}},
		{".tar.gz", []Kind{NPM, Yarn, ALPM}},
		{".gem", []Kind{Gem}},
		{".conda", []Kind{Conda}},
		{".tar.bz2", []Kind{Conda}},
		{".crate", []Kind{Crate}},
		{".zip", []Kind{GoZip, Wheel, Yarn}},
		{".json", nil},
		{".txt", nil},
		{".html", nil},
		{".info", nil},
		{".mod", nil},
	}
}

// sum returns the digest of an item by an algorithm, which is computed once.
// A file that cannot be an artifact of the kind has none.
func (it *item) sum(ctx context.Context, k Kind, algorithm string) (string, error) {
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
	if !looksLike(k, r) {
		return "", nil
	}
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
	r, c, err := openFile(it.shelf.fsys, it.path)
	if err != nil {
		return nil, nil, err
	}
	return pipEntry(r), c, nil
}

const (
	// maxLoaded is the size of an artifact that is read into memory as a whole,
	// and maxUnseekable where the file system has no random access, in bytes.
	maxLoaded     = 8 << 20
	maxUnseekable = 256 << 20
)

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
	data, err := io.ReadAll(io.LimitReader(f, maxUnseekable+1))
	if err == nil && len(data) > maxUnseekable {
		err = limitError("an artifact in a file system without random access", maxUnseekable)
	}
	if err != nil {
		return nil, nil, err
	}
	return bytes.NewReader(data), io.NopCloser(nil), nil
}

// sized is a file with random access and its size.
type sized struct {
	io.ReaderAt
	size int64
}

func (s sized) Size() int64 { return s.size }
