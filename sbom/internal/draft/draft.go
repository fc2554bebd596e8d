// Package draft makes an [sbom.Document] of a document that somebody else
// made. The readers of the formats (sbom/spdx, sbom/cyclonedx, sbom/sbomread)
// say what is written there in the few words of [Draft]; this package applies
// the counting rules to it, so that they are the same whatever the format.
//
// # What counts
//
// An entry counts when it is a package and lies in no other entry that
// counts. Whatever else a document lists (its own subject, the operating
// system, files, the lock file that a group of packages was read from) is an
// exclusion with a reason, not forgotten. In doubt an entry counts: a count
// that is too high is asked about, one that is too low is not.
//
// # Identity
//
// The package URL is the identity, because it is what other programs compare.
// People read the name and the version. A document in which they differ shows
// the one a harmless package and the other another one, so the difference is
// a gap. An entry without a package URL is of type "generic".
//
// # Limits
//
// Names, versions and paths are bounded, and so is the number of entries. An
// entry that breaks a bound breaks the document: it is refused. What a
// document has wrong a hundred thousand times is said [maxSame] times and
// counted.
package draft

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom"
)

const (
	// MaxElements of a document. The largest images have some 50,000
	// packages; files, of which there are more, are no elements.
	MaxElements = 300_000
	// MaxEdges of a document, dependencies and containment together.
	MaxEdges = 2_000_000
	// maxText is the longest name, version, package URL or path. Linux has
	// 4,096 for a path; one in an archive in an archive is longer.
	maxText = 32 << 10
	// maxPaths of one element: a Debian package with all its files has some
	// 60,000.
	maxPaths = 200_000
	// maxSame is how often a fault of one kind is said before it is counted.
	maxSame = 50
	// maxQuote is how much of a stranger's string a message repeats.
	maxQuote = 200
)

// Role says what an entry of a document is.
type Role int

const (
	// Package is something that is installed, and counts.
	Package Role = iota
	// Subject is what the document is about: an image, a project.
	Subject
	// Group holds packages together and is none: a lock file, a layer.
	Group
	// System is the operating system itself, not one of its packages.
	System
	// File is a file, which is a part of something.
	File
	// NotSoftware is data, an algorithm, a key, a device.
	NotSoftware
	// NotInstalled is what the document says is not there.
	NotInstalled
	// Archive is a package that lies in a cache and is not installed.
	Archive
	// Source is what another entry was built from.
	Source
)

// Element is an entry of a document.
type Element struct {
	// Ref is what relations name the entry by; empty when nothing can.
	Ref string
	// Label is where the entry stands, for messages: "components[3]".
	Label string
	Role  Role
	// Why adds to the reason of an exclusion.
	Why string

	PURL string
	// Type is the purl type for entries without a package URL whose
	// document nevertheless names the ecosystem.
	Type    string
	Group   string // the namespace, when the document has a field for it
	Name    string
	Version string
	Arch    string
	// Inside is the Ref of the entry that this one lies in.
	Inside  string
	Paths   []string
	Layer   int
	Digests []sbom.Digest
	Install *sbom.Install
	FoundBy string
	Source  string
	Size    int64
	// Image is a container image whose contents the document does not list.
	Image bool
	// Locked says that the entry was read from a lock file or a manifest.
	Locked bool
}

// Edge says that From needs To.
type Edge struct {
	From, To string
	Kind     sbom.RelationKind
}

// Draft is a document as it was written.
type Draft struct {
	// Tools that made the document, as it says: "syft 1.2.3".
	Tools    []string
	OS       sbom.OS
	Image    sbom.Image
	Elements []Element
	Edges    []Edge
	// Known says of a reference that it leads to something that is no element:
	// a file, a formula, the document. It may be nil.
	Known func(ref string) bool
	// Files is the number of files that the document lists beside packages.
	Files int

	// Ownership: the document says which package owns what.
	Ownership bool
	// Graphed: for each entry, the document says what it needs, be it nothing.
	Graphed bool
	// Installed: the document was made from what is installed, and not from
	// manifests.
	Installed bool
	// Incomplete is why the document says that it is not complete.
	Incomplete []string

	Excluded []sbom.Exclusion
	Notices  []sbom.Notice

	gaps   []sbom.Gap
	faults map[fault]int
	order  []fault
}

type fault struct {
	kind sbom.GapKind
	what string
}

// Fault notes something in the document that is not as it must be. what is
// the kind of fault, the same words for each of it.
func (d *Draft) Fault(kind sbom.GapKind, what, detail string) {
	f := fault{kind, what}
	if d.faults == nil {
		d.faults = map[fault]int{}
	}
	if d.faults[f]++; d.faults[f] > maxSame {
		if d.faults[f] == maxSame+1 {
			d.order = append(d.order, f)
		}
		return
	}
	d.gaps = append(d.gaps, sbom.Gap{Kind: kind, Detail: what + ": " + detail})
}

// Quote makes a stranger's string fit to stand in a message.
func Quote(s string) string {
	if len(s) > maxQuote {
		return fmt.Sprintf("%+q... (%d bytes)", s[:maxQuote], len(s))
	}
	return fmt.Sprintf("%+q", s)
}

// Clean is a stranger's string as text of one line: what is not printable is
// a question mark, what is long is cut.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "..."
	}
	return s
}

// Document applies the counting rules. The error is of a document that
// cannot be taken at all.
func (d *Draft) Document(ctx context.Context) (*sbom.Document, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	b := builder{Draft: d, at: make(map[string]int, len(d.Elements)), id: make([]string, len(d.Elements))}
	b.refs()
	b.components()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.owners()
	b.relations()
	b.system()
	out := sbom.Document{
		Environment: sbom.Environment{Kind: "sbom", OS: d.OS, Image: d.Image},
		Catalogers:  strings.Join(d.tools(), ", "),
		Components:  b.list,
		Relations:   b.edges,
		Excluded:    b.excluded(),
		Limitations: b.limitations(),
		Notices:     d.Notices,
	}
	// Last, since everything above may find faults.
	out.Gaps = d.allGaps()
	return sbom.New(out)
}

// ErrTooMany is the error of a document with more than the limit.
func ErrTooMany(what string, limit int) error {
	return fmt.Errorf("the document has more than %d %s (limit)", limit, what)
}

func (d *Draft) check() error {
	if len(d.Elements) > MaxElements {
		return ErrTooMany("entries", MaxElements)
	}
	if len(d.Edges) > MaxEdges {
		return ErrTooMany("relations", MaxEdges)
	}
	for i := range d.Elements {
		e := &d.Elements[i]
		for _, s := range []string{e.Ref, e.PURL, e.Type, e.Group, e.Name, e.Version, e.Arch, e.FoundBy, e.Source} {
			if len(s) > maxText {
				return fmt.Errorf("%s: %s is longer than %d bytes (limit)", e.Label, Quote(s), maxText)
			}
		}
		if len(e.Paths) > maxPaths {
			return fmt.Errorf("%s: %d paths, and %d is the limit", e.Label, len(e.Paths), maxPaths)
		}
		for _, s := range e.Paths {
			if len(s) > maxText {
				return fmt.Errorf("%s: the path %s is longer than %d bytes (limit)", e.Label, Quote(s), maxText)
			}
		}
	}
	return nil
}

func (d *Draft) tools() []string {
	var out []string
	for _, t := range d.Tools {
		if t = Clean(t); t != "" && !slices.Contains(out, t) && len(out) < 10 {
			out = append(out, t)
		}
	}
	return out
}

func (d *Draft) allGaps() []sbom.Gap {
	for _, f := range d.order {
		d.gaps = append(d.gaps, sbom.Gap{Kind: f.kind, Detail: fmt.Sprintf("%s: %d more", f.what, d.faults[f]-maxSame)})
	}
	return d.gaps
}

// builder is a draft on its way to a document.
type builder struct {
	*Draft
	at     map[string]int // index of the element by Ref
	id     []string       // identity of each element that is a component, else ""
	list   []sbom.Component
	of     []int // element of each component
	edges  []sbom.Relation
	left   map[sbom.Exclusion]int
	images int // that the document does not look into
	locked int
}

func (b *builder) known(ref string) bool { return b.Known != nil && b.Known(ref) }

func (b *builder) refs() {
	for i := range b.Elements {
		e := &b.Elements[i]
		if e.Ref == "" {
			continue
		}
		if first, twice := b.at[e.Ref]; twice {
			if f := &b.Elements[first]; f.PURL == e.PURL && f.Name == e.Name && f.Version == e.Version && f.Group == e.Group {
				continue // the same, said twice
			}
			b.Fault(sbom.GapMalformed, "an identifier is used twice, so that relations may mean either", Quote(e.Ref)+" ("+e.Label+")")
			continue
		}
		b.at[e.Ref] = i
	}
	for i := range b.Elements {
		e := &b.Elements[i]
		if _, ok := b.at[e.Inside]; e.Inside != "" && !ok && !b.known(e.Inside) {
			b.Fault(sbom.GapMalformed, "an entry lies in something that is not there, and is counted", Quote(e.Inside)+" ("+e.Label+")")
		}
	}
}

func (b *builder) components() {
	b.left = map[sbom.Exclusion]int{}
	for i := range b.Elements {
		e := &b.Elements[i]
		if ofType(e.Role) && installable(e.PURL) {
			e.Role = Package // whatever its type says, this is a package
		}
		if e.Role == System {
			b.leave(e, sbom.ExcludedDescribed, "the operating system itself; its packages count")
			continue
		}
		if reason, why, left := exclusion(e); left {
			if e.Image {
				b.images++
			}
			b.leave(e, reason, cmp.Or(e.Why, why))
			continue
		}
		c, ok := b.component(e)
		if !ok {
			continue
		}
		b.id[i] = sbom.Identity(&c)
		c.ID = b.id[i]
		if e.Locked {
			b.locked++
		}
		b.list = append(b.list, c)
		b.of = append(b.of, i)
	}
}

// ofType says whether an entry has that role for its type alone.
func ofType(r Role) bool {
	return r == System || r == File || r == NotSoftware || r == Group
}

// exclusion is why an element of that role does not count.
func exclusion(e *Element) (sbom.ExclusionReason, string, bool) {
	switch e.Role {
	case Subject:
		return sbom.ExcludedDescribed, "what the document describes", true
	case Group:
		return sbom.ExcludedDescribed, "holds packages together, is none", true
	case File:
		return sbom.ExcludedFile, "", true
	case NotSoftware:
		return sbom.ExcludedNotSoftware, "", true
	case NotInstalled:
		return sbom.ExcludedNotInstall, "the document says so", true
	case Archive:
		return sbom.ExcludedArchive, "", true
	case Source:
		return sbom.ExcludedDeclared, "the source of another entry", true
	}
	return "", "", false
}

// leave notes an element that does not count. Files are counted, not listed:
// there are as many of them as an image has.
func (b *builder) leave(e *Element, reason sbom.ExclusionReason, why string) {
	if reason == sbom.ExcludedFile {
		b.Files++
		return
	}
	x := sbom.Exclusion{PURL: scrubPURL(e.PURL), Name: e.Name, Version: e.Version, Reason: reason, Detail: Clean(why)}
	if e.Group != "" && e.PURL == "" {
		x.Name = e.Group + "/" + e.Name
	}
	if len(e.Paths) > 0 && reason != sbom.ExcludedDescribed {
		x.Path = absolute(e.Paths[0])
	}
	b.left[x]++
}

func (b *builder) excluded() []sbom.Exclusion {
	out := b.Excluded
	for x, n := range b.left {
		x.Count = n
		out = append(out, x)
	}
	if b.Files > 0 {
		out = append(out, sbom.Exclusion{Reason: sbom.ExcludedFile, Detail: "files, which are parts of packages or belong to none", Count: b.Files})
	}
	return out // sbom.New sorts
}

// owners sets for each component the one that counts and that it lies in,
// through whatever lies between.
func (b *builder) owners() {
	tops := b.topmost()
	for n := range b.list {
		c := &b.list[n]
		if top := tops[b.of[n]]; top >= 0 && b.id[top] != c.ID {
			c.Owner = b.id[top]
		}
	}
}

const (
	none    = -1 // lies in nothing that counts
	unknown = -2
	onPath  = -3
)

// topmost is, for each element, the outermost one that counts and that it
// lies in. Each element is passed once, however long the chains are.
func (b *builder) topmost() []int {
	tops := make([]int, len(b.Elements))
	for i := range tops {
		tops[i] = unknown
	}
	var way []int
	for i := range b.Elements {
		way = way[:0]
		at := i
		for at >= 0 && tops[at] == unknown {
			tops[at] = onPath
			way = append(way, at)
			at = b.around(at)
		}
		if at >= 0 && tops[at] == onPath {
			// A circle: whatever is on it counts.
			e := &b.Elements[at]
			b.Fault(sbom.GapMalformed, "an entry lies in itself, and is counted", Quote(e.Ref)+" ("+e.Label+")")
			for n := len(way) - 1; n >= 0; n-- {
				last := way[n]
				tops[last] = none
				way = way[:n]
				if last == at {
					break
				}
			}
		}
		for n := len(way) - 1; n >= 0; n-- {
			e := way[n]
			outer := b.around(e)
			switch {
			case outer < 0:
				tops[e] = none
			case tops[outer] >= 0:
				tops[e] = tops[outer]
			case b.id[outer] != "":
				tops[e] = outer
			default:
				tops[e] = none
			}
		}
	}
	return tops
}

// around is the element that i directly lies in, or none.
func (b *builder) around(i int) int {
	e := &b.Elements[i]
	if e.Inside == "" {
		return none
	}
	outer, ok := b.at[e.Inside]
	if !ok {
		return none
	}
	return outer
}

func (b *builder) relations() {
	for _, e := range b.Edges {
		from, okFrom := b.end(e.From, e)
		to, okTo := b.end(e.To, e)
		// An edge from or to what is no component says nothing about
		// components: a lock file "depends on" all that is in it.
		if okFrom && okTo && from != to {
			b.edges = append(b.edges, sbom.Relation{From: from, To: to, Kind: e.Kind})
		}
	}
}

func (b *builder) end(ref string, e Edge) (string, bool) {
	i, ok := b.at[ref]
	if !ok {
		if !b.known(ref) {
			b.Fault(sbom.GapMalformed, "a relation leads to something that is not in the document", fmt.Sprintf("%s, from %s to %s", Quote(ref), Quote(e.From), Quote(e.To)))
		}
		return "", false
	}
	return b.id[i], b.id[i] != ""
}

// absolute is a path within the environment, as an absolute one.
func absolute(p string) string {
	if p == "" {
		return ""
	}
	if strings.HasPrefix(p, "/") && path.Clean(p) == p {
		return p
	}
	return path.Clean("/" + p)
}
