package artifact

import (
	"io/fs"
	"path"
	"strings"
)

// shelves returns the caches of package managers that have files by name.
func (s Source) shelves() []*shelf {
	one := func(name string, kind Kind, roots ...string) *shelf {
		return &shelf{name: name, fsys: s.FS, roots: roots, kinds: []Kind{kind}}
	}
	return []*shelf{
		one("apt", Deb, "var/cache/apt/archives"),
	}
}

// byContent returns files of caches that name them by a digest.
func (s Source) byContent(k Kind, digests []string) []*item {
	if k != NPM {
		return nil
	}
	var out []*item
	for _, home := range s.Homes {
		for _, d := range digests {
			algorithm, value, _ := strings.Cut(d, ":")
			p := path.Join(home, ".npm/_cacache/content-v2", algorithm, value[:2], value[2:4], value[4:])
			if info, err := fs.Stat(s.FS, p); err == nil && info.Mode().IsRegular() {
				out = append(out, &item{shelf: &shelf{name: "npm", fsys: s.FS}, path: p, size: info.Size()})
			}
		}
	}
	return out
}
