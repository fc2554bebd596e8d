package lockcheck

import (
	"cmp"
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// hackagePin matches what Stack completes a package of Hackage to: NAME-VERSION
// and the SHA-256 and size of its Cabal file
// (https://docs.haskellstack.org/en/stable/topics/package_location/).
var hackagePin = lazyregexp.New(`^([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)-([0-9]+(?:\.[0-9]+)*)(?:@sha256:([0-9a-f]{64})(?:,[0-9]+)?|@rev:[0-9]+)?$`)

// parseStack parses stack.yaml.lock
// (https://docs.haskellstack.org/en/stable/topics/lock_files/). It has the
// packages that stack.yaml adds, each with the SHA-256 of its Pantry tree, which
// covers all files of the package. Those of the snapshot are not in it: it pins
// the file that lists them.
func (l *Lock) parseStack(d *document) error {
	for _, p := range d.tables(d.root, "packages") {
		c := d.table(p, "completed")
		if c == nil {
			c = p
		}
		e := Entry{Type: "hackage", Name: d.text(c, "name"), Version: d.scalar(c, "version"), File: d.file, Line: d.at(c, "name"), Source: Source{Kind: KindRegistry}}
		d.onePlace(c, "hackage", "git", "hg", "url", "filepath")
		switch pin := d.text(c, "hackage"); {
		case pin != "":
			e.Line = d.at(c, "hackage")
			m := hackagePin.FindStringSubmatch(pin)
			if m == nil {
				d.fail(c.get("hackage").offset, "create it again with stack build", "%s is no package of Hackage", quote(pin))
				break
			}
			e.Name, e.Version = m[1], m[2]
			if m[3] != "" {
				l.addHash(&e, "sha256", m[3])
			}
		case d.text(c, "git") != "" || d.text(c, "hg") != "":
			e.Source = Source{Kind: KindVCS, URL: scrub(cmp.Or(d.text(c, "git"), d.text(c, "hg"))), Commit: d.text(c, "commit")}
		case d.text(c, "url") != "":
			e.Source = Source{Kind: KindURL, URL: scrub(d.text(c, "url"))}
			if sum := d.text(c, "sha256"); sum != "" {
				l.addHash(&e, "sha256", sum)
			}
		}
		if dir := d.text(c, "filepath"); dir != "" {
			e.Source = Source{Kind: KindPath, URL: dir}
		}
		if sum := d.text(d.table(c, "pantry-tree"), "sha256"); sum != "" {
			l.addHash(&e, "sha256", sum)
		}
		if e.Name == "" {
			d.fail(p.offset, "create it again with stack build", "a package without a name")
		}
		if d.err != nil {
			return d.err
		}
		l.add(e)
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	for _, s := range d.tables(d.root, "snapshots") {
		l.problem(ProblemPartlyRead, d.file, d.line(s.offset), "", "the packages of the snapshot are not in the lock, which has the hash of their list only")
	}
	return d.failure()
}

// onePlace records an error if an entry names more than one place that its package
// is from: which of them the tool takes depends on the order in which it looks.
func (d *document) onePlace(n *node, keys ...string) {
	first := ""
	for _, key := range keys {
		switch {
		case d.text(n, key) == "":
		case first != "":
			d.fail(n.get(key).offset, "create the lock file again", "a package is from %q and from %q", first, key)
		default:
			first = key
		}
	}
}

// cabalPin matches a constraint of cabal.project.freeze that pins a version.
var cabalPin = lazyregexp.New(`^(?:any\.|setup\.|[A-Za-z0-9-]+:setup\.)?([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*) ==([0-9]+(?:\.[0-9]+)*)$`)

// parseCabal parses cabal.project.freeze, a project file of which cabal freeze
// writes three fields
// (https://cabal.readthedocs.io/en/stable/cabal-commands.html#cabal-freeze). It
// has versions only; "installed" ones are part of the compiler, and flags pin
// nothing. index-state fixes which revisions of the metadata are taken.
func (l *Lock) parseCabal(ctx context.Context, src *source) error {
	field, versions := "", map[string]string{}
	return src.eachLine(ctx, func(start int, line string) error {
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "--") {
			return nil
		}
		text := line
		if name, rest, ok := strings.Cut(line, ":"); ok && !indented && !strings.ContainsAny(name, " ,") {
			field, text = strings.ToLower(name), rest
		}
		if field != "constraints" {
			return nil
		}
		for constraint := range strings.SplitSeq(text, ",") {
			m := cabalPin.FindStringSubmatch(strings.Join(strings.Fields(constraint), " "))
			if m == nil {
				continue
			}
			if first, twice := versions[m[1]]; twice && first != m[2] && strings.HasPrefix(m[0], "any.") {
				return src.errorf(start, "resolve a merge, or run cabal freeze again", "%s has two versions, %s and %s", quote(m[1]), quote(first), quote(m[2]))
			} else if strings.HasPrefix(m[0], "any.") {
				versions[m[1]] = m[2]
			}
			l.add(Entry{Type: "hackage", Name: m[1], Version: m[2], File: src.file, Line: src.line(start), Source: Source{Kind: KindRegistry}})
		}
		return nil
	})
}
