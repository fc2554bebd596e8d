package index

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// typeAlpm is the purl type of packages of pacman.
const typeAlpm = "alpm"

// baseAlpm is a package that only the database of a base system has.
const baseAlpm = "pacman"

// maxDesc is the limit of one entry.
const maxDesc = 1 << 20

// isAlpmIndex recognises a sync database: "core.db", as pacman downloads it, and
// "core.db.tar.zst", as repo-add names it.
func (o *opener) isAlpmIndex(_ int, file string) (name string, cost int, ok bool) {
	base := path.Base(file)
	for _, ext := range []string{".db", ".db.tar.gz", ".db.tar.xz", ".db.tar.zst", ".db.tar.bz2", ".db.tar"} {
		if repo, found := strings.CutSuffix(base, ext); found && repo != "" {
			return path.Join(path.Dir(file), repo+".db"), cost, true
		}
		cost++
	}
	return "", 0, false
}

// alpmIndex reads a sync database, and the signature beside it: most repositories
// sign their packages only, and not the database that names their digests.
func (o *opener) alpmIndex(ctx context.Context, source int, name string) {
	s := o.sources[source]
	repo, _, _ := strings.Cut(path.Base(name), ".db")
	x := Index{File: s.path(name), Environment: s.Environment, Type: typeAlpm, Origin: "pacman", Suite: repo}
	at := origin{source: source, name: name}
	data, err := readLimited(s.Files, name, maxSigned)
	var entries []entry
	if err == nil && isSQLite(data) {
		return // of another program
	}
	if err == nil {
		var signatures []trust.Signature
		if signatures, err = o.detached(s, name, data); err == nil {
			at.standing, x.Problem = detachedStanding(signatures, &x)
			entries, err = o.readAlpmIndex(ctx, data, &at)
		}
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		x.Problem = "index is damaged or over a limit: " + cause(err)
		o.problem(s, name, x.Problem)
		o.add(x, origin{source: source, name: name}, nil)
		return
	}
	if at.standing == unsigned && x.Problem != notSigned {
		o.problem(s, name, x.Problem)
	}
	o.add(x, at, entries)
}

func isSQLite(data []byte) bool { return bytes.HasPrefix(data, []byte("SQLite format 3\x00")) }

// detached reads the signatures in the file beside an index; none without it.
func (o *opener) detached(s Source, name string, data []byte) ([]trust.Signature, error) {
	signature, err := readLimited(s.Files, name+".sig", maxSignatureMember)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return o.keys.Detached(data, signature)
}

func detachedStanding(signatures []trust.Signature, x *Index) (standing, string) {
	if len(signatures) == 0 {
		return unsigned, notSigned
	}
	var by string
	problem := ""
	for _, s := range signatures {
		if s.Good() {
			x.Key, x.KeyName = s.Key.Fingerprint, s.Key.Name
			return signed, ""
		}
		if s.Key != nil && problem == "" {
			problem = s.Problem
		}
		by = s.KeyID
	}
	if problem != "" {
		return unsigned, problem
	}
	return foreign, "index is signed by the key " + by + ", which is not trusted"
}

func (o *opener) readAlpmIndex(ctx context.Context, data []byte, at *origin) ([]entry, error) {
	if o.total >= o.max.total {
		return nil, fmt.Errorf("all indexes together have more than %d MiB", o.max.total>>20)
	}
	content, closeContent, err := decompress(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer closeContent()
	counted := &limited{r: canceled{ctx, content}, left: o.max.index}
	defer func() { o.total += counted.n }()
	files := tar.NewReader(counted)
	var out []entry
	for {
		h, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		case path.Base(h.Name) != "desc" || h.Typeflag != tar.TypeReg:
			continue
		case h.Size > maxDesc:
			return nil, fmt.Errorf("%.100q has more than %d KiB", h.Name, maxDesc>>10)
		}
		e, err := parseAlpmEntry(files)
		if err != nil {
			return nil, fmt.Errorf("%.100q: %w", h.Name, err)
		}
		at.base = at.base || e.Name == baseAlpm
		if !o.wanted(typeAlpm, e.Name) {
			continue
		}
		if o.retained += e.size(); o.retained > o.max.retained {
			return nil, fmt.Errorf("the entries of installed packages have more than %d MiB", o.max.retained>>20)
		}
		out = append(out, e)
	}
}

// parseAlpmEntry reads sections: "%NAME%", lines, an empty line.
func parseAlpmEntry(r io.Reader) (e entry, err error) {
	section := ""
	err = eachLine(r, func(line string) error {
		switch {
		case line == "":
			section = ""
			return nil
		case section == "":
			section = line
			return nil
		}
		set := func(to *string) error {
			if *to != "" {
				return fmt.Errorf("section %s has two lines", section)
			}
			*to = strings.Clone(line)
			return nil
		}
		switch section {
		case "%NAME%":
			return set(&e.Name)
		case "%VERSION%":
			return set(&e.Version)
		case "%ARCH%":
			return set(&e.Arch)
		case "%FILENAME%":
			return set(&e.File)
		case "%CSIZE%":
			if n, err := strconv.ParseInt(line, 10, 64); err == nil && n >= 0 {
				e.Size = n
			}
		case "%SHA256SUM%":
			sum := strings.ToLower(line)
			if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" || len(e.Digests) > 0 {
				return fmt.Errorf("%.100q is not a SHA-256", line)
			}
			e.Digests = []string{"sha256:" + sum}
		}
		return nil
	})
	if err == nil && (e.Name == "" || e.Version == "") {
		err = errors.New("no name or no version")
	}
	return e, err
}
