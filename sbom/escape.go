package sbom

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// errNotUTF8 is returned by [Restore] for a document that [New] cannot have
// made.
var errNotUTF8 = errors.New("sbom: a string of the document is not valid UTF-8: New did not make it")

// Escape returns the form that a string of an environment has in a
// [Document]. Each byte that is not part of valid UTF-8 becomes `\xNN`, with
// two lower-case hexadecimal digits, as in a Go string literal
// (https://go.dev/ref/spec#String_literals). A backslash that the raw string
// has in front of text of that form, `x5c` or `x80` to `xff`, becomes `\x5c`.
// Every other string is its own form, `systemd\x2dfsck` included: systemd
// escapes a hyphen in the name of a unit like that, and most Debian roots have
// such files.
//
// The form is valid UTF-8, so JSON keeps it, and different strings have
// different forms. Escape(Escape(s)) is another string than Escape(s), since s
// may itself be the name of a file: raw strings are escaped once, by [New].
//
// Percent-encoding was the alternative. It would change names that contain a
// percent sign, which URL-encoded file names and every package URL have.
func Escape(s string) string { return escapeInvalid(s, true) }

// Unescape is the inverse of [Escape].
func Unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if isEscape(s[i:]) {
			b.WriteByte(hexDigit(s[i+2])<<4 | hexDigit(s[i+3]))
			i += escapeLen
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// EscapeInput returns the form of a string that a user typed: a path, a name
// or an ID. A string that has the form already, as copied from a report, stays
// as it is. Any other string is taken for the raw one, as a shell completes
// it, and is escaped. A file that is literally named `\x80` is found by the
// form that reports print, `\x5cx80`.
func EscapeInput(typed string) string {
	if utf8.ValidString(typed) && Escape(Unescape(typed)) == typed {
		return typed
	}
	return Escape(typed)
}

// ValidText returns text for people, such as an error message, with each byte
// that is not part of valid UTF-8 as `\xNN`. Unlike [Escape] it leaves
// backslashes alone: such a text often quotes names with %q already, and
// nothing is looked up by it.
func ValidText(s string) string { return escapeInvalid(s, false) }

// escapeLen is the length of `\xNN`.
const escapeLen = 4

// isEscape reports whether s begins with one of the escapes that [Escape]
// writes.
func isEscape(s string) bool {
	return len(s) >= escapeLen && s[0] == '\\' && s[1] == 'x' &&
		(s[2] == '5' && s[3] == 'c' || isHex(s[2]) && hexDigit(s[2]) >= 8 && isHex(s[3]))
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}

// escapeInvalid escapes invalid bytes and, with injective set, the backslashes
// that would make two strings equal.
func escapeInvalid(s string, injective bool) string {
	if utf8.ValidString(s) && !(injective && strings.Contains(s, `\x`)) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case injective && isEscape(s[i:]):
			b.WriteString(`\x5c`)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// stringMapper applies one function to strings of a document.
type stringMapper struct {
	// key maps what identifies or is looked up; prose maps text for people.
	key, prose func(string) string
}

// document applies m to every string of d. Lists are copied, so that the
// caller's document stays as it is; empty lists become nil, as JSON reads them
// back.
func (m stringMapper) document(d *Document) {
	m.environment(&d.Environment)
	apply(m.key, &d.Catalogers)
	d.Components = each(d.Components, m.component)
	d.Relations = each(d.Relations, func(r *Relation) {
		apply(m.key, &r.From, &r.To, &r.Via, &r.File)
		apply(m.key, &r.Kind)
	})
	d.Excluded = each(d.Excluded, func(e *Exclusion) {
		apply(m.key, &e.Path, &e.PURL, &e.Name, &e.Version)
		apply(m.key, &e.Reason)
		apply(m.prose, &e.Detail)
	})
	d.Gaps = each(d.Gaps, func(g *Gap) {
		apply(m.key, &g.Path)
		apply(m.key, &g.Kind)
		apply(m.prose, &g.Detail)
	})
	d.Limitations = each(d.Limitations, func(l *Limitation) {
		apply(m.key, &l.Name)
		apply(m.prose, &l.Detail)
	})
	d.Notices = each(d.Notices, func(n *Notice) {
		apply(m.key, &n.Path, &n.Component, &n.Digest)
		apply(m.key, &n.Kind)
		apply(m.prose, &n.Detail)
	})
}

func (m stringMapper) environment(e *Environment) {
	apply(m.key, &e.Ref, &e.Kind, &e.Digest, &e.PackageDB, &e.Newest, &e.OS.ID, &e.OS.VersionID, &e.OS.Pretty)
	e.OS.IDLike = each(e.OS.IDLike, func(s *string) { apply(m.key, s) })
	apply(m.key, &e.Image.Digest, &e.Image.Platform, &e.Image.BaseName, &e.Image.BaseDigest)
	e.Image.Layers = each(e.Image.Layers, func(l *Layer) { apply(m.key, &l.Digest, &l.DiffID, &l.CreatedBy) })
}

func (m stringMapper) component(c *Component) {
	apply(m.key, &c.ID, &c.PURL, &c.Type, &c.Namespace, &c.Name, &c.Version, &c.Arch, &c.Owner,
		&c.Evidence, &c.FoundBy, &c.Fingerprint, &c.Source)
	apply(m.key, &c.Kind)
	apply(m.key, &c.InstallReason)
	apply(m.prose, &c.Detail, &c.Supplier)
	c.Licenses = each(c.Licenses, func(s *string) { apply(m.prose, s) })
	c.Paths = each(c.Paths, func(s *string) { apply(m.key, s) })
	c.Installers = each(c.Installers, func(s *string) { apply(m.key, s) })
	c.Digests = each(c.Digests, func(d *Digest) { apply(m.key, &d.Algorithm, &d.Value, &d.File) })
	if c.Install != nil {
		install := *c.Install
		apply(m.key, &install.URL, &install.Commit, &install.File, &install.Patch)
		apply(m.key, &install.Kind)
		c.Install = &install
	}
}

func apply[S ~string](f func(string) string, strings ...*S) {
	for _, s := range strings {
		*s = S(f(string(*s)))
	}
}

// each returns a copy of list with f applied to every element, nil for an
// empty list.
func each[T any](list []T, f func(*T)) []T {
	if len(list) == 0 {
		return nil
	}
	out := make([]T, len(list))
	copy(out, list)
	for i := range out {
		f(&out[i])
	}
	return out
}
