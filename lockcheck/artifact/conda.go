package artifact

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/zipfile"
)

// readConda reads a conda package of either format
// (https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html):
// a tar.bz2 archive, or a zip file with the archives info-*.tar.zst and
// pkg-*.tar.zst. Paths are relative to the prefix of the environment; what is in
// info/ is not installed.
//
// The files of a "noarch: python" package are in site-packages and
// python-scripts, which the installer moves: they have the places
// "site-packages" and "scripts".
func readConda(b *builder, r Reader) error {
	var info condaInfo
	var head [4]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return errors.New("truncated")
	}
	if string(head[:]) != "PK\x03\x04" {
		if err := b.tarball(stream(r), info.where); err != nil {
			return err
		}
		return info.apply(b)
	}
	z, _, err := zipfile.Open(r, r.Size(), maxDirectory)
	if err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	var parts [2]bool
	for _, f := range z.File {
		part := 0
		switch {
		case strings.HasPrefix(f.Name, "pkg-") && strings.HasSuffix(f.Name, ".tar.zst"):
			part = 1
		case strings.HasPrefix(f.Name, "info-") && strings.HasSuffix(f.Name, ".tar.zst"):
		default:
			continue
		}
		if parts[part] {
			return fmt.Errorf("%.200q is %w", f.Name, errDuplicate)
		}
		parts[part] = true
		content, err := f.Open()
		if err != nil {
			return fmt.Errorf("zip: %w", err)
		}
		err = b.tarball(content, info.where)
		content.Close()
		if err != nil {
			return fmt.Errorf("%.200q: %w", f.Name, err)
		}
	}
	if !parts[0] || !parts[1] {
		return errors.New("not a conda package: the archive info or pkg is missing")
	}
	return info.apply(b)
}

// condaInfo has files of info/.
type condaInfo struct{ index, paths, link, prefixes []byte }

func (c *condaInfo) where(_ *tar.Header, e *entry) error {
	if !strings.HasPrefix(e.path, "info/") && e.path != "info" {
		return nil
	}
	switch e.path {
	case "info/index.json":
		e.text = &c.index
	case "info/paths.json":
		e.text = &c.paths
	case "info/link.json":
		e.text = &c.link
	case "info/has_prefix":
		e.text = &c.prefixes
	}
	// Those that are read are removed by apply.
	e.skip = e.text == nil
	return nil
}

// apply completes the manifest when everything was read.
func (c *condaInfo) apply(b *builder) error {
	var index struct {
		Name, Version, Build, Subdir string
	}
	if err := json.Unmarshal(c.index, &index); err != nil {
		return fmt.Errorf("info/index.json: %w", err)
	}
	b.m.Name, b.m.Version, b.m.Arch = index.Name, index.Version, index.Subdir
	b.m.Record = map[string]string{"build": index.Build}
	rewritten, err := c.rewritten()
	if err != nil {
		return err
	}
	var link struct {
		Noarch struct {
			Type        string
			EntryPoints []string `json:"entry_points"`
		}
	}
	if c.link != nil {
		if err := json.Unmarshal(c.link, &link); err != nil {
			return fmt.Errorf("info/link.json: %w", err)
		}
	}
	for _, e := range link.Noarch.EntryPoints {
		name, target, _ := strings.Cut(e, "=")
		b.m.Programs = append(b.m.Programs, Program{strings.TrimSpace(name), strings.TrimSpace(target)})
	}
	files := b.m.Files[:0]
	for _, f := range b.m.Files {
		if strings.HasPrefix(f.Path, "info/") {
			continue
		}
		if r, ok := rewritten[f.Path]; ok && f.Type == 'f' {
			f.Rewrite, f.Target = r.how, r.placeholder
		}
		if link.Noarch.Type == "python" {
			if rest, ok := strings.CutPrefix(f.Path, "site-packages/"); ok {
				f.Path, f.Place = rest, "site-packages"
			} else if rest, ok := strings.CutPrefix(f.Path, "python-scripts/"); ok {
				f.Path, f.Place = rest, "scripts"
			}
		}
		files = append(files, f)
	}
	b.m.Files = files
	return nil
}

// rewrite is how an installer changes a file.
type rewrite struct{ how, placeholder string }

// oldPlaceholder is the one of packages whose has_prefix does not name it
// (conda's base/constants.py, PREFIX_PLACEHOLDER).
const oldPlaceholder = "/opt/anaconda1anaconda2anaconda3"

// rewritten returns the files with a placeholder for the prefix, from paths.json,
// or from has_prefix in older packages: lines of a path, or of placeholder, mode
// and path.
func (c *condaInfo) rewritten() (map[string]rewrite, error) {
	out := map[string]rewrite{}
	add := func(file, placeholder, mode string) {
		r := rewrite{RewritePrefix, placeholder}
		if mode == "binary" {
			r.how = RewriteBinary
		}
		out[path.Clean(file)] = r
	}
	if c.paths == nil {
		for line := range strings.Lines(string(c.prefixes)) {
			line = strings.TrimSpace(line)
			if fields := strings.SplitN(line, " ", 3); len(fields) == 3 && (fields[1] == "text" || fields[1] == "binary") {
				add(strings.Trim(fields[2], `"`), strings.Trim(fields[0], `"`), fields[1])
			} else if line != "" {
				add(line, oldPlaceholder, "text")
			}
		}
		return out, nil
	}
	var list struct {
		Paths []struct {
			Path        string `json:"_path"`
			Placeholder string `json:"prefix_placeholder"`
			Mode        string `json:"file_mode"`
		}
	}
	if err := json.Unmarshal(c.paths, &list); err != nil {
		return nil, fmt.Errorf("info/paths.json: %w", err)
	}
	for _, p := range list.Paths {
		if p.Placeholder != "" {
			add(p.Path, p.Placeholder, p.Mode)
		}
	}
	return out, nil
}
