package artifact

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// location is where the path of a place begins.
type location int

const (
	inRoot  location = iota // "/"
	inHome                  // the home directory of each user
	inCache                 // .cache in it, or $XDG_CACHE_HOME
)

// cachePlace is the cache of a package manager in which files have the names of
// artifacts, or in which all files are looked at.
type cachePlace struct {
	in      location
	pattern string // of fs.Glob
	kind    Kind
	// depth is how many levels of directories are listed, 0 for all.
	depth int
	// deep is set where names do not identify files.
	deep bool
}

// cachePlaces are the usual places of caches. Some caches are missing because
// they have no artifacts with the digest of a lock: uv, pnpm, Bun and Deno keep
// unpacked files, and pip's directory wheels has what pip built itself.
func cachePlaces() []cachePlace {
	return []cachePlace{
		// apt.conf(5), Dir::Cache::Archives.
		{inRoot, "var/cache/apt/archives", Deb, 1, false},
		// dnf.conf(5) and zypper(8), with keepcache.
		{inRoot, "var/cache/dnf", RPM, 0, false},
		{inRoot, "var/cache/libdnf5", RPM, 0, false},
		{inRoot, "var/cache/yum", RPM, 0, false},
		{inRoot, "var/cache/zypp/packages", RPM, 0, false},
		// apk-cache(5): a directory that /etc/apk/cache is a link to.
		{inRoot, "etc/apk/cache", APK, 1, false},
		{inRoot, "var/cache/apk", APK, 1, false},
		// pacman.conf(5), CacheDir.
		{inRoot, "var/cache/pacman/pkg", ALPM, 1, false},
		// https://pip.pypa.io/en/stable/topics/caching/: answers of servers, by the
		// digest of the URL. In http-v2 the body is a file of its own.
		{inCache, "pip/http-v2", Wheel, 0, true},
		{inCache, "pip/http", Wheel, 0, true},
		{inCache, "pdm/http", Wheel, 0, true},
		{inCache, "pypoetry/artifacts", Wheel, 0, false},
		// Debian's wheels for ensurepip and virtualenv.
		{inRoot, "usr/share/python-wheels", Wheel, 1, false},
		// https://yarnpkg.com/configuration/yarnrc#globalFolder
		{inHome, ".yarn/berry/cache", Yarn, 1, false},
		// https://doc.rust-lang.org/cargo/guide/cargo-home.html
		{inHome, ".cargo/registry/cache", Crate, 2, false},
		{inRoot, "usr/local/cargo/registry/cache", Crate, 2, false},
		// RubyGems keeps what it installed beside the directory gems.
		{inRoot, "var/lib/gems/*/cache", Gem, 1, false},
		{inRoot, "usr/lib/ruby/gems/*/cache", Gem, 1, false},
		{inRoot, "usr/lib64/ruby/gems/*/cache", Gem, 1, false},
		{inRoot, "usr/local/lib/ruby/gems/*/cache", Gem, 1, false},
		{inRoot, "usr/local/bundle/cache", Gem, 1, false},
		{inRoot, "usr/local/bundle/ruby/*/cache", Gem, 1, false},
		{inRoot, "usr/share/gems/cache", Gem, 1, false},
		{inHome, ".gem/ruby/*/cache", Gem, 1, false},
		{inHome, ".local/share/gem/ruby/*/cache", Gem, 1, false},
		{inHome, ".rbenv/versions/*/lib/ruby/gems/*/cache", Gem, 1, false},
		// https://docs.conda.io/projects/conda/en/stable/user-guide/configuration/custom-env-and-pkg-locations.html
		{inRoot, "opt/*/pkgs", Conda, 1, false},
		{inHome, "*conda*/pkgs", Conda, 1, false},
		{inHome, "*forge*/pkgs", Conda, 1, false},
		{inHome, ".conda/pkgs", Conda, 1, false},
		{inHome, "micromamba/pkgs", Conda, 1, false},
		{inHome, ".local/share/mamba/pkgs", Conda, 1, false},
	}
}

// homes returns the home directories of a source.
func (s Source) homes() []string {
	if s.Homes != nil {
		return s.Homes
	}
	out := []string{"root"}
	entries, _ := fs.ReadDir(s.FS, "home") // one that cannot be read has no caches
	for _, e := range entries {
		out = append(out, "home/"+e.Name())
	}
	return out
}

// bases returns the directories of a location.
func (s Source) bases(in location) []string {
	switch in {
	case inRoot:
		return []string{""}
	case inHome:
		return s.homes()
	}
	out := slices.Clone(s.Caches)
	for _, home := range s.homes() {
		out = append(out, path.Join(home, ".cache"))
	}
	return out
}

// shelves returns the caches in which artifacts are looked for by name. Their
// directories are found when one is needed.
func (s Source) shelves() []*shelf {
	var out []*shelf
	for _, p := range cachePlaces() {
		out = append(out, &shelf{fsys: s.FS, kinds: []Kind{p.kind}, deep: p.deep, depth: p.depth, find: func() []string {
			var roots []string
			for _, base := range s.bases(p.in) {
				found, _ := fs.Glob(s.FS, path.Join(base, p.pattern)) // the patterns are valid
				roots = append(roots, found...)
			}
			return roots
		}})
	}
	if len(s.Yarn) > 0 {
		out = append(out, &shelf{fsys: s.FS, kinds: []Kind{Yarn}, depth: 1, find: func() []string { return s.Yarn }})
	}
	return out
}

// direct returns the files of caches in which the path of an artifact follows
// from the entry.
func (s Source) direct(w Want, digest string) []*item {
	var out []*item
	add := func(parts ...string) {
		p := path.Join(parts...)
		if !fs.ValidPath(p) {
			return
		}
		if info, err := fs.Stat(s.FS, p); err == nil && info.Mode().IsRegular() {
			out = append(out, &item{shelf: &shelf{fsys: s.FS}, path: p, size: info.Size()})
		}
	}
	for _, p := range w.Near {
		add(p)
	}
	switch w.Kind {
	case Jar:
		for _, p := range w.Installed {
			add(p)
		}
	case NPM:
		for _, home := range s.homes() {
			// cacache: content by its digest
			// (https://github.com/npm/cacache/blob/main/lib/content/path.js).
			algorithm, value, _ := strings.Cut(digest, ":")
			add(home, ".npm/_cacache/content-v2", algorithm, value[:2], value[2:4], value[4:])
		}
		if strings.ContainsAny(w.Name+w.Version, `*?[\`) {
			break // no package's
		}
		// Yarn 1 keeps the tarball beside the unpacked files.
		for _, base := range append(s.bases(inCache), "usr/local/share/.cache") {
			name := "npm-" + strings.ReplaceAll(w.Name, "/", "-") + "-" + w.Version + "-*"
			found, _ := fs.Glob(s.FS, path.Join(base, "yarn/v*", name, "node_modules", w.Name, ".yarn-tarball.tgz"))
			for _, p := range found {
				add(p)
			}
		}
	case GoZip:
		for _, base := range append(s.homes(), "") {
			add(base, "go/pkg/mod/cache/download", escapeModule(w.Name), "@v", escapeModule(w.Version)+".zip")
		}
	}
	return out
}

// looksLike reports whether the first bytes of a file may be those of an artifact
// of a kind: it need not be hashed if not.
func looksLike(k Kind, r Reader) bool {
	var head [8]byte
	n, _ := r.ReadAt(head[:], 0)
	has := func(magic string) bool { return strings.HasPrefix(string(head[:n]), magic) }
	switch k {
	case Deb:
		return has(arMagic)
	case RPM:
		return has("\xed\xab\xee\xdb")
	case Wheel, GoZip, Jar:
		return has("PK\x03\x04")
	case Yarn:
		return has("PK\x03\x04") || has("\x1f\x8b")
	case Conda:
		return has("PK\x03\x04") || has("BZh")
	case APK, Crate:
		return has("\x1f\x8b")
	}
	return true
}

// pipEntry returns the body in an answer that CacheControl stored, as in pip's
// directory http: "cc=4," and a map in MessagePack, of which the first value is
// another map, of which the first is the body
// (https://github.com/psf/cachecontrol/blob/master/cachecontrol/serialize.py,
// https://github.com/msgpack/msgpack/blob/master/spec.md).
func pipEntry(r Reader) Reader {
	var head [32]byte
	n, _ := r.ReadAt(head[:], 0)
	rest, ok := strings.CutPrefix(string(head[:n]), "cc=4,")
	if !ok {
		return r
	}
	for _, key := range []string{"\xa8response", "\xa4body"} {
		if rest == "" || rest[0]&0xf0 != 0x80 { // a map of less than 16
			return r
		}
		if rest, ok = strings.CutPrefix(rest[1:], key); !ok {
			return r
		}
	}
	if rest == "" || rest[0] < 0xc4 || rest[0] > 0xc6 { // bytes with a length of 1, 2 or 4
		return r
	}
	width := 1 << (rest[0] - 0xc4)
	if len(rest) < 1+width {
		return r
	}
	at := int64(n - len(rest) + 1 + width)
	var size int64
	for _, c := range []byte(rest[1 : 1+width]) {
		size = size<<8 | int64(c)
	}
	if size > r.Size()-at {
		return r
	}
	return section{r, at, size}
}

// section is a part of an artifact's file.
type section struct {
	r        Reader
	at, size int64
}

func (s section) Size() int64 { return s.size }

func (s section) ReadAt(b []byte, at int64) (int, error) {
	return io.NewSectionReader(s.r, s.at, s.size).ReadAt(b, at)
}

// apkKey removes the part of the checksum from the name of a file in the cache of
// apk: NAME-VERSION.0123abcd.apk.
func apkKey(stem string) string {
	i := strings.LastIndexByte(stem, '.')
	if i < 0 || len(stem)-i != 9 || strings.Trim(ecosystem.Lower(stem[i+1:]), "0123456789abcdef") != "" {
		return stem
	}
	return stem[:i]
}
