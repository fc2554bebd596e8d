package draft

import "fmt"

const (
	// MaxElements is the number of entries of a document. The largest images
	// have some 50,000 packages; files, of which there are more, are not
	// elements.
	MaxElements = 300_000
	// MaxEdges is the number of dependencies and containments of a document.
	MaxEdges = 2_000_000
	// maxText is the length of a name, version, package URL or path. Linux
	// allows 4,096 bytes for a path; a path in an archive in an archive is
	// longer.
	maxText = 32 << 10
	// maxPaths is the number of paths of one element: a Debian package with
	// all its files has some 60,000.
	maxPaths = 200_000
)

// ErrTooMany returns the error for a document with more than limit.
func ErrTooMany(what string, limit int) error {
	return fmt.Errorf("the document has more than %d %s (limit)", limit, what)
}

// checkBounds returns an error for a document that is over a bound.
func (d *Draft) checkBounds() error {
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
			return fmt.Errorf("%s: %d paths are more than %d (limit)", e.Label, len(e.Paths), maxPaths)
		}
		for _, s := range e.Paths {
			if len(s) > maxText {
				return fmt.Errorf("%s: the path %s is longer than %d bytes (limit)", e.Label, Quote(s), maxText)
			}
		}
	}
	return nil
}
