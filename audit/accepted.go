package audit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Accepted is a dependency as the baseline records it.
type Accepted struct {
	// Key and Version are what the baseline file contains. ID and PURL are
	// derived from them, so that a reviewer never sees something else than
	// what is judged.
	Key        string     `json:"key"`
	Version    string     `json:"version"`
	ID         string     `json:"id"`
	PURL       string     `json:"purl"`
	Provenance Provenance `json:"provenance"`
	Evidence   string     `json:"evidence"`
	// Base is true for a dependency with another provenance than "image" that
	// replaces one of the base.
	Base bool `json:"base,omitempty"`
	// Content identifies the installed files and Locked the entry that pins the
	// dependency, as [ShortDigest] has them; empty when that is not known.
	Content string `json:"content,omitempty"`
	Locked  string `json:"locked,omitempty"`
	// Paths are the places of a package that is not the system's, sorted.
	Paths []string `json:"paths,omitempty"`
	// Exception is the one that covers the dependency by a wildcard or by its
	// directory.
	Exception string `json:"exception,omitempty"`
	// Reason is the text with which the dependency was accepted as growth.
	Reason string `json:"reason,omitempty"`
}

// ShortDigest returns the first 16 bytes of a digest as hexadecimal digits,
// without the name of the algorithm, which makes a baseline half as long. It
// identifies what reviewers accepted: an attacker has to find another content with
// the same 128 bits. One who can choose the accepted content too needs no
// collision, since that content is code that runs.
func ShortDigest(digest string) string {
	const digits = 32
	_, value, _ := strings.Cut(digest, ":")
	return value[:min(len(value), digits)]
}

// AcceptedFile is a file that the baseline records by its content: it can run
// code or change what runs, and no archive accounts for it.
type AcceptedFile struct {
	// Rule is the ID of the rule that the file breaks if it is not accepted.
	Rule string `json:"rule"`
	Path string `json:"path"`
	// Digest is that of the content as [ShortDigest] has it, or of the statements
	// in it that matter; "link:" and the target of a symbolic link; "missing" for
	// a file that should be there. It is empty where the content of a package
	// has it.
	Digest string `json:"digest,omitempty"`
	// Mode is octal, where the rights matter.
	Mode string `json:"mode,omitempty"`
	// Exception is the one that covers the file by a wildcard or by its directory;
	// without one, the file was accepted itself.
	Exception string `json:"exception,omitempty"`
	// Reason is the text with which the file was accepted.
	Reason string `json:"reason,omitempty"`
}

// Same returns the file without the reason. Files are accepted by equality.
func (f AcceptedFile) Same() AcceptedFile {
	f.Reason = ""
	return f
}

// Compare orders by path, rule, digest, mode and exception.
func (f AcceptedFile) Compare(g AcceptedFile) int {
	return cmp.Or(cmp.Compare(f.Path, g.Path), cmp.Compare(f.Rule, g.Rule), cmp.Compare(f.Digest, g.Digest), cmp.Compare(f.Mode, g.Mode), cmp.Compare(f.Exception, g.Exception))
}

// Accepted returns the counted dependencies of the stage as the baseline
// records them, sorted.
func (s *Stage) Accepted() []Accepted {
	out := make([]Accepted, 0, len(s.Dependencies))
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		if d.Provenance == FromBundled {
			continue
		}
		a := Accepted{
			Key: d.Key, Version: d.Version, ID: d.ID, PURL: d.PURL, Provenance: d.Provenance, Evidence: d.Evidence, Base: d.Replaces != "",
			Content: ShortDigest(d.Content), Locked: d.Locked, Exception: d.Covered,
		}
		if d.Kind == sbom.KindPackage {
			a.Paths = slices.Sorted(slices.Values(d.Paths))
		}
		out = append(out, a)
	}
	slices.SortFunc(out, Accepted.Compare)
	return out
}

// Compare orders by key and version.
func (a Accepted) Compare(b Accepted) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version))
}

// OfBase reports whether the dependency is one of the base, or replaces one.
func (a *Accepted) OfBase() bool { return a.Provenance == FromImage || a.Base }

// Strength returns the provenance with its evidence.
func (a *Accepted) Strength() Strength { return Strength{a.Provenance, a.Evidence} }
