package ledger

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck/index"
	"github.com/depaudit/depaudit/lockcheck/trust"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// readIndexes finds the entry of each package of the system. It returns the
// matched entries by component. An error is about a place that the user named.
func (e *engine) readIndexes(ctx context.Context) (map[int32]*index.Entry, error) {
	keys, err := trust.Open(e.request.Trust)
	if err != nil {
		return nil, err
	}
	keys = keys.For(e.doc.Environment.OS.ID, e.doc.Environment.OS.IDLike)
	sources := index.EnvironmentSources(e.tree.FS("/"))
	for _, name := range e.request.Indexes {
		s, closer, err := index.OpenSource(name)
		if err != nil {
			return nil, err
		}
		defer closer.Close()
		sources = append(sources, s)
	}
	db := e.files.DB()
	if db == nil {
		return nil, nil
	}
	type key struct{ typ, name string }
	wanted := map[key]bool{}
	for i := range db.Components {
		wanted[key{db.Components[i].Type, db.Components[i].Name}] = true
	}
	set, err := index.Open(ctx, sources, keys, func(typ, name string) bool { return wanted[key{typ, name}] })
	if err != nil {
		return nil, err
	}
	for _, p := range set.Problems {
		e.gaps = append(e.gaps, sbom.Gap{Kind: sbom.GapMalformed, Path: sbom.Escape(p.File), Detail: sbom.Escape(p.Detail)})
	}
	stanzas := e.stanzas()
	used := make([]int, len(set.Indexes))
	entries := map[int32]*index.Entry{}
	for i := range db.Components {
		c, at := &db.Components[i], e.packages[i]
		if at < 0 {
			continue
		}
		p := index.Package{Type: c.Type, Name: c.Name, Version: c.Version, Arch: c.Arch, Record: stanzas[stanzaKey{c.Name, c.Version, c.Arch}]}
		for _, d := range c.Digests {
			p.Digest = d.Algorithm + ":" + d.Value
		}
		r := set.Match(p)
		q := &e.state[at].proof
		q.Evidence, q.Detail = r.Evidence, sbom.Escape(r.Detail)
		for _, f := range r.Differs {
			q.Differs = append(q.Differs, sbom.Escape(f))
		}
		if r.Entry != nil {
			used[r.Entry.Index]++
			if r.Evidence == index.Signed {
				entries[at] = r.Entry
			}
		}
	}
	for i, x := range set.Indexes {
		e.archives = append(e.archives, archiveURL(x))
		e.indexes = append(e.indexes, audit.Index{File: sbom.Escape(x.File), Environment: x.Environment, Origin: sbom.Escape(x.Origin), Label: sbom.Escape(x.Label),
			Suite: sbom.Escape(x.Suite), Codename: sbom.Escape(x.Codename), Date: x.Date, Key: x.Key, KeyName: sbom.Escape(x.KeyName), Problem: sbom.Escape(x.Problem), Packages: used[i]})
	}
	slices.SortStableFunc(e.indexes, func(a, b audit.Index) int { return strings.Compare(a.File, b.File) })
	return entries, nil
}

type stanzaKey struct{ name, version, arch string }

// maxStanzas is the limit for dpkg's status file, 256 MB: that of a host with all
// packages of Debian has 60 MB.
const maxStanzas = 256 << 20

// stanzas returns the records of dpkg's packages, as dpkg wrote them. The scan
// has read them already, and has the gap of those that it could not.
func (e *engine) stanzas() map[stanzaKey]map[string]string {
	out := map[stanzaKey]map[string]string{}
	files := []rootfs.Node{e.tree.Resolve("/var/lib/dpkg/status")}
	for n := range e.tree.Children(e.tree.Resolve("/var/lib/dpkg/status.d")) {
		if !strings.HasSuffix(e.tree.Name(n), ".md5sums") {
			files = append(files, n)
		}
	}
	for _, n := range files {
		if e.tree.Kind(n) != rootfs.File {
			continue
		}
		f, err := e.tree.OpenFile(n)
		if err != nil {
			continue
		}
		readStanzas(io.LimitReader(f, maxStanzas), out)
		f.Close()
	}
	return out
}

func readStanzas(r io.Reader, out map[stanzaKey]map[string]string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), 4<<20)
	fields, last := map[string]string{}, ""
	end := func() {
		if fields["Package"] != "" {
			out[stanzaKey{fields["Package"], fields["Version"], fields["Architecture"]}] = fields
		}
		fields, last = map[string]string{}, ""
	}
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.TrimSpace(line) == "":
			end()
		case line[0] == ' ' || line[0] == '\t':
			if last != "" && last != "Conffiles" {
				fields[last] += "\n" + line
			}
		default:
			name, value, _ := strings.Cut(line, ":")
			last = name
			fields[name] = strings.TrimSpace(value)
		}
	}
	end()
}
