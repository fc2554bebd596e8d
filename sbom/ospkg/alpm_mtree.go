package ospkg

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

const pacmanConf = "/etc/pacman.conf"

// alpmRecords reads the mtree of each package: makepkg made it of the files of
// the archive, and pacman -Qkk compares with it. It also has the digests of the
// install script and of the changelog, which pacman keeps in its database.
func (d *alpm) alpmRecords() {
	type files struct {
		name          string
		mtree, backup rootfs.Node
		dir           string // in the database
	}
	packages := make([]files, len(d.packages))
	for i, p := range d.packages {
		dir := d.dirs[p]
		packages[i] = files{p.name, d.tree.ResolveNode(d.tree.Child(dir, "mtree")), d.tree.ResolveNode(d.tree.Child(dir, "files")), d.tree.Path(dir)}
	}
	s := d.system
	s.recordsFrom(func(ctx context.Context) (func(*recorder), []sbom.Gap) {
		filter, gaps := s.pacmanFilter(ctx)
		return func(c *recorder) {
			p := packages[c.component]
			if p.mtree == rootfs.None {
				return
			}
			backup := map[string]bool{}
			if p.backup != rootfs.None {
				// A fault is a gap of the list of files already.
				_ = s.open(p.backup, func(r io.Reader, file string) error {
					return readAlpmSections(newLines(ctx, r, file), func(string) error { return nil }, func(name, text string) error {
						if path, _, found := strings.Cut(text, "\t"); name == "BACKUP" && found {
							backup["/"+path] = true
						}
						return nil
					})
				})
			}
			err := s.open(p.mtree, func(r io.Reader, file string) error {
				z, err := gzip.NewReader(r)
				if err != nil {
					return &parseError{File: file, Msg: err.Error()}
				}
				return readMtree(newLines(ctx, z, file), func(path string, f FileRecord) {
					switch path {
					case "/.INSTALL":
						path, f.Mode, f.HasMode = p.dir+"/install", 0, false
					case "/.CHANGELOG":
						path, f.Mode, f.HasMode = p.dir+"/changelog", 0, false
					case "/.BUILDINFO", "/.PKGINFO", "/.MTREE":
						return
					}
					if backup[path] {
						f.Flags |= Conffile
					}
					if filter.excludes(path) {
						f.Flags |= Excluded
					}
					c.take(path, f)
				})
			})
			if err != nil {
				c.gap(gapKind(err, sbom.GapUnreadable), s.tree.Path(p.mtree), "digests of the files of package %s: %v", p.name, err)
			}
		}, gaps
	})
}

// readMtree reads the format of mtree(5) as libarchive writes it: a path that
// starts with "./", and words; "/set" has words for the lines that follow.
func readMtree(l *lines, see func(path string, f FileRecord)) error {
	set := unstated()
	for {
		line, ok := l.next()
		if !ok {
			return l.err
		}
		if l.unterminated {
			return l.fail("the last line has no newline: the file is truncated")
		}
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if words[0] == "/set" {
			if err := mtreeWords(words[1:], &set); err != nil {
				return l.fail("%v", err)
			}
			continue
		}
		path, err := unescapeMtree(words[0])
		if err == nil && path != "." && !strings.HasPrefix(path, "./") {
			err = fmt.Errorf("%s is not a path of a package", excerpt(path))
		}
		f := set
		if err == nil {
			err = mtreeWords(words[1:], &f)
		}
		if err != nil {
			return l.fail("%v", err)
		}
		if f.Kind != rootfs.File {
			f.Size, f.Algorithm, f.Digest = -1, "", nil
		}
		if f.Kind == rootfs.Symlink {
			f.Mode, f.HasMode = 0, false
		}
		if path = path[1:]; path == "" {
			path = "/"
		}
		see(path, f)
	}
}

func mtreeWords(words []string, f *FileRecord) error {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		var err error
		switch key {
		case "type":
			switch value {
			case "file":
				f.Kind = rootfs.File
			case "dir":
				f.Kind = rootfs.Dir
			case "link":
				f.Kind = rootfs.Symlink
			default:
				f.Kind = rootfs.Other
			}
		case "mode":
			var mode uint64
			if mode, err = strconv.ParseUint(value, 8, 12); err == nil {
				f.Mode, f.HasMode = uint32(mode), true
			}
		case "uid":
			f.UID, err = mtreeNumber(value)
		case "gid":
			f.GID, err = mtreeNumber(value)
		case "size":
			f.Size, err = strconv.ParseInt(value, 10, 64)
		case "link":
			f.Link, err = unescapeMtree(value)
		case "sha256digest", "sha256":
			f.Algorithm = "sha256"
			f.Digest, err = hex.DecodeString(value)
		case "md5digest", "md5":
			if f.Algorithm != "sha256" {
				f.Algorithm = "md5"
				f.Digest, err = hex.DecodeString(value)
			}
		}
		if err != nil {
			return fmt.Errorf("%s is not a valid word", excerpt(w))
		}
	}
	return nil
}

func mtreeNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// unescapeMtree decodes "\040" and "\\" of vis(3).
func unescapeMtree(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return strings.Clone(s), nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		if i+1 == len(s) {
			return "", fmt.Errorf("%s ends within an escape", excerpt(s))
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String(), nil
}

// pacmanFilter reads NoExtract of pacman.conf(5): the paths that pacman does not
// install, without a leading slash. A pattern with "!" includes.
func (s *system) pacmanFilter(ctx context.Context) (pathFilter, []sbom.Gap) {
	n := s.tree.Resolve(pacmanConf)
	if s.tree.Kind(n) != rootfs.File {
		return nil, nil
	}
	var out pathFilter
	err := s.open(n, func(r io.Reader, file string) error {
		l := newLines(ctx, r, file)
		for {
			line, ok := l.next()
			if !ok {
				return l.err
			}
			name, value, found := strings.Cut(line, "=")
			if !found || strings.TrimSpace(name) != "NoExtract" {
				continue
			}
			for pattern := range strings.FieldsSeq(value) {
				pattern, include := strings.CutPrefix(pattern, "!")
				out = append(out, pathRule{"/" + pattern, include})
			}
		}
	})
	if err != nil {
		return nil, []sbom.Gap{{Kind: gapKind(err, sbom.GapUnreadable), Path: s.tree.Path(n), Detail: "settings of pacman: " + err.Error()}}
	}
	return out, nil
}
