package lockcheck

import (
	"cmp"
	"strings"
)

// parseMise parses mise.lock (https://mise.jdx.dev/dev-tools/mise-lock.html): a
// table of versions for each tool, each with the URL and the checksum of the
// archive for each platform. mise leaves no record of them beside an
// installation.
func (l *Lock) parseMise(d *document) error {
	tools := d.table(d.root, "tools")
	if tools == nil {
		return d.failure()
	}
	for i := range tools.members {
		m := &tools.members[i]
		versions := []*node{m.value}
		if m.value.kind == nodeArray {
			versions = d.tables(tools, m.key)
		}
		for _, v := range versions {
			if v.kind != nodeObject {
				d.fail(v.offset, "create it again with mise lock", "the versions of %s must be tables", quote(m.key))
				break
			}
			e := Entry{Type: "mise", Name: m.key, Version: d.text(v, "version"), File: d.file, Line: d.line(v.offset), Source: Source{Kind: KindRegistry}}
			if e.Name == "" {
				d.fail(m.offset, "", "a tool without a name")
				break
			}
			l.misePlatforms(d, v, &e)
			if d.err != nil {
				return d.err
			}
			l.add(e)
			if len(strong(e.Hashes)) == 0 {
				l.problem(ProblemFloating, e.File, e.Line, e.Name, quote(e.Name)+" "+quote(e.Version)+" has no checksum (mise lock)")
			}
		}
	}
	return d.failure()
}

// misePlatforms adds the checksums of a version: in [tools.NAME.platforms.PLATFORM],
// in ["platforms.PLATFORM"], or in [tools.NAME.checksums] of the first versions.
func (l *Lock) misePlatforms(d *document, v *node, e *Entry) {
	var platforms []*node
	if table := d.table(v, "platforms"); table != nil {
		for _, m := range table.members {
			platforms = append(platforms, m.value)
		}
	}
	for _, m := range v.members {
		if strings.HasPrefix(m.key, "platforms.") {
			platforms = append(platforms, m.value)
		}
	}
	for _, p := range platforms {
		if sum := d.text(p, "checksum"); sum != "" {
			l.miseSum(e, sum)
		}
		if url := d.text(p, "url"); url != "" {
			if u, ok := parseLocation(url); !ok || u.scheme != "https" {
				l.insecure(e, cmp.Or(u.host, scrub(url)))
			}
		}
	}
	for _, key := range []string{"checksums", "assets"} {
		if table := d.table(v, key); table != nil {
			for _, m := range table.members {
				if m.value.kind == nodeString {
					l.miseSum(e, m.value.text)
				} else if sum := d.text(m.value, "checksum"); sum != "" {
					l.miseSum(e, sum)
				}
			}
		}
	}
}

// miseSum adds a checksum. BLAKE3, which mise computes where a vendor publishes
// none, is a hash that nothing else here has.
func (l *Lock) miseSum(e *Entry, sum string) {
	if algorithm, value, ok := strings.Cut(sum, ":"); ok && algorithm == "blake3" && len(value) == 64 {
		return
	}
	l.addColonHash(e, sum)
}
