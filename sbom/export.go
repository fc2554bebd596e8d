package sbom

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Meta has the parts of an exported document that are not in the [Document].
type Meta struct {
	// Name of the stage; the environment's reference when empty.
	Name string
	// ToolVersion is depaudit's own version, without a leading "v".
	ToolVersion string
	// Author is who the document is from, "NAME <EMAIL>", a name or an address; empty
	// when only the tool is known.
	Author string
	// Created is the date that both formats require: the caller decides, and no
	// encoder reads the clock. It is encoded in whole seconds. The zero time is an
	// unknown date, for which the documents have the Unix epoch and a fact.
	Created time.Time
	// CreatedFrom names what Created is the date of, when the user stated none.
	CreatedFrom string
	// Provenance returns the audit's result for the component with that ID. It
	// is nil for a scan without an audit.
	Provenance func(id string) Annotation
}

// GenerationContext says when and from what an SBOM was made.
const GenerationContext = "made from what is installed in the environment"

// Annotation is the audit's result for one component. Empty fields are not
// exported.
type Annotation struct {
	Provenance string // "os", "lock", "image", "exception", "unaccounted", "bundled"
	Evidence   string // "db-owned", "hash-locked", ...
	LockFile   string // the lock file that pins the component
	LockLine   int    // the line of its entry there
	Why        string // the reason for which nothing accounts for it
	// Artifact has the digests ("sha256:" and hexadecimal), with spaces between them,
	// of the artifact of which all files are those that are installed.
	Artifact string
}

// FactPrefix is the namespace of facts in exported documents.
const FactPrefix = "depaudit:"

// Keys of facts that belong to no field of a document.
const (
	factAuthor  = "author"
	factUnknown = "unknown"
	factDated   = "timestamp-from"
	factBSI     = "bsi-unknown"
)

// Fact is a statement about a component or about the whole document that an
// exchange format has no field for. In CycloneDX it is a
// property, in SPDX a line of a comment ([JoinFacts]).
//
// A key may occur several times. A value is either [Text] or, for a record, one
// JSON object whose strings are Text; it has no line break.
type Fact struct {
	Key   string // without FactPrefix
	Value string
}

// JoinFacts writes each fact as a line "depaudit:KEY=VALUE".
func JoinFacts(facts []Fact) string {
	var b strings.Builder
	for i, f := range facts {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(FactPrefix + f.Key + "=" + f.Value)
	}
	return b.String()
}

// ParseFacts parses the result of [JoinFacts]. Other lines are ignored: people may
// add theirs to a comment.
func ParseFacts(s string) []Fact {
	var facts []Fact
	for line := range strings.SplitSeq(s, "\n") {
		line, ours := strings.CutPrefix(line, FactPrefix)
		if key, value, ok := strings.Cut(line, "="); ours && ok {
			facts = append(facts, Fact{Key: key, Value: value})
		}
	}
	return facts
}

// Text returns the form of an untrusted string that is safe in an exported
// document, without loss. A printable string is its own text. A string with
// control or formatting characters (ESC, line breaks, bidirectional overrides),
// with bytes that are not UTF-8, or that begins with a double quote becomes a Go
// string literal of ASCII characters (https://go.dev/ref/spec#String_literals),
// quotes included.
//
// Different strings have different texts, so a text can be an identifier.
func Text(s string) string {
	if strings.HasPrefix(s, `"`) || !printable(s) {
		return strconv.QuoteToASCII(s)
	}
	return s
}

// ParseText is the inverse of [Text].
func ParseText(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	out, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("sbom: %.80q begins like a quoted text and is not one", s)
	}
	return out, nil
}

func printable(s string) bool {
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if b < ' ' || b == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !strconv.IsPrint(r) {
			return false
		}
		i += size
	}
	return true
}

// SafePURL returns the package URL with spaces, control characters and bytes
// outside ASCII percent-encoded, as the purl specification requires for every
// part. A correct package URL is returned unchanged.
func SafePURL(purl string) string {
	var b strings.Builder
	for i := range len(purl) {
		if c := purl[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// ContentUUID returns a UUID of version 8 (RFC 9562, section 5.8) made of the first
// bits of the content's SHA-256. The same content has the same identifier, on
// every machine and at any time.
func ContentUUID(content []byte) string {
	u := sha256.Sum256(content)
	u[6] = u[6]&0x0f | 0x80 // version 8
	u[8] = u[8]&0x3f | 0x80 // the variant of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// Timestamp returns m.Created in the form that both formats require. It returns an
// error for a year that does not have four digits.
func (m *Meta) Timestamp() (string, error) {
	if m.Created.IsZero() {
		return "1970-01-01T00:00:00Z", nil
	}
	t := m.Created.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return "", fmt.Errorf("sbom: creation date in the year %d (SPDX and CycloneDX require four digits)", y)
	}
	return t.Format("2006-01-02T15:04:05Z"), nil
}

// Title returns the exported name of the environment.
func (m *Meta) Title(d *Document) string {
	for _, s := range []string{m.Name, d.Environment.Ref} {
		if s != "" {
			return Text(s)
		}
	}
	return "environment"
}

// maxToolVersion is the length of the tool's version: CycloneDX allows 1,024
// characters, a Go pseudo-version has some 50.
const maxToolVersion = 128

// Version returns m.ToolVersion with the characters that an SPDX tool name allows
// without quoting.
func (m *Meta) Version() string {
	if m.ToolVersion == "" {
		return "devel"
	}
	clean := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".+~_-", r):
			return r
		}
		return '-'
	}
	version := strings.Map(clean, m.ToolVersion)
	return version[:min(len(version), maxToolVersion)]
}

// IsImage reports whether the environment is a container image.
func (e *Environment) IsImage() bool {
	switch e.Kind {
	case "oci-dir", "oci-archive", "docker-archive", "registry", "docker":
		return true
	}
	return false
}

// DocumentFacts returns the facts about the whole document, in a fixed order:
// first those that [SetDocumentFact] reads, then counts, which follow from the
// components and are for people and jq.
func (m *Meta) DocumentFacts(d *Document) []Fact {
	var facts []Fact
	for _, f := range documentFields() {
		for _, v := range f.get(d) {
			facts = append(facts, Fact{f.key, v})
		}
	}
	var unknown []string
	if m.Author == "" {
		unknown = append(unknown, "author")
	} else {
		facts = append(facts, Fact{factAuthor, Text(m.Author)})
	}
	if m.Created.IsZero() {
		unknown = append(unknown, "timestamp")
	}
	if m.CreatedFrom != "" {
		facts = append(facts, Fact{factDated, Text(m.CreatedFrom)})
	}
	if unknown != nil {
		facts = append(facts, Fact{factUnknown, strings.Join(unknown, ",")})
	}
	counts := map[string]int{}
	var total, bundled int
	for i := range d.Components {
		c := &d.Components[i]
		if !c.Counts() {
			bundled++
			continue
		}
		total++
		if m.Provenance != nil {
			if p := m.Provenance(c.ID).Provenance; p != "" {
				counts[p]++
			}
		}
	}
	count := func(key string, n int) { facts = append(facts, Fact{"count:" + key, strconv.Itoa(n)}) }
	count("total", total)
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		// The provenance is a keyword of the audit, but the caller may be wrong.
		count("provenance:"+strings.ReplaceAll(Text(p), "=", "-"), counts[p])
	}
	count("bundled", bundled)
	count("excluded", d.ExcludedCount())
	count("gaps", len(d.Gaps))
	return facts
}

// SetDocumentFact sets the field of a fact of [Meta.DocumentFacts] in d or m.
// Unknown keys are ignored: a later version may have more. The caller has set
// m.Created.
func SetDocumentFact(d *Document, m *Meta, f Fact) (err error) {
	switch f.Key {
	case factAuthor:
		m.Author, err = ParseText(f.Value)
		return err
	case factDated:
		m.CreatedFrom, err = ParseText(f.Value)
		return err
	case factUnknown:
		if slices.Contains(strings.Split(f.Value, ","), "timestamp") {
			m.Created = time.Time{}
		}
		return nil
	}
	return setFact(documentFields(), d, f)
}

// ComponentFacts returns the facts about one component, in a fixed order, without
// the keys in native: the format has a field with this component's unchanged
// value.
func (m *Meta) ComponentFacts(c *Component, native ...string) []Fact {
	var facts []Fact
	for _, f := range componentFields() {
		if slices.Contains(native, f.key) {
			continue
		}
		for _, v := range f.get(c) {
			facts = append(facts, Fact{f.key, v})
		}
	}
	if m.Provenance == nil {
		return facts
	}
	a := m.Provenance(c.ID)
	for _, f := range annotationFields() {
		for _, v := range f.get(&a) {
			facts = append(facts, Fact{f.key, v})
		}
	}
	return facts
}

// SetComponentFact sets the field of a fact of [Meta.ComponentFacts] in c, or in a
// if it is from the audit. Unknown keys are ignored.
func SetComponentFact(c *Component, a *Annotation, f Fact) error {
	if err := setFact(componentFields(), c, f); err != nil {
		return err
	}
	return setFact(annotationFields(), a, f)
}

// PlainDigests returns the digests that an exchange format can state as the hash of
// the component: hexadecimal, of an algorithm that both formats know and of its
// length, one for each algorithm. If two records have different values, neither is
// returned: a reader could not know which one to use.
func PlainDigests(digests []Digest) []Digest {
	var out []Digest
	for _, d := range digests {
		if !plain(d) {
			continue
		}
		one := Digest{Algorithm: d.Algorithm, Value: d.Value}
		disputed := slices.ContainsFunc(digests, func(o Digest) bool {
			return plain(o) && o.Algorithm == d.Algorithm && o.Value != d.Value
		})
		if !disputed && !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// Hashes returns the digests of the component's artifact that an exchange format
// can state: those of the artifact that proves the installed files, and those that
// the environment records ([PlainDigests]) of other algorithms. For apk and JSR it
// records digests of a part: of the control segment of an archive (the field C), and of
// the manifest of a version. Those are no hash of what a user downloads.
func (m *Meta) Hashes(c *Component) []Digest {
	var proved []Digest
	if m.Provenance != nil {
		for _, s := range strings.Fields(m.Provenance(c.ID).Artifact) {
			algorithm, value, _ := strings.Cut(s, ":")
			proved = append(proved, Digest{Algorithm: algorithm, Value: value})
		}
	}
	out := PlainDigests(proved)
	if c.Type == "apk" || c.Type == "jsr" {
		return out
	}
	for _, d := range PlainDigests(c.Digests) {
		if !slices.ContainsFunc(proved, func(o Digest) bool { return plain(o) && o.Algorithm == d.Algorithm }) {
			out = append(out, d)
		}
	}
	return out
}

// DependenciesKnown reports whether what the component depends on is known: the
// database of an OS package states it, and another component has a relation. Of
// others without one it is not known that they need nothing.
func (d *Document) DependenciesKnown(c *Component) bool {
	if c.Kind == KindOS {
		return true
	}
	i, _ := slices.BinarySearchFunc(d.Relations, c.ID, func(r Relation, id string) int { return cmp.Compare(r.From, id) })
	return i < len(d.Relations) && d.Relations[i].From == c.ID
}

// Unknown returns the fact with the fields of a component that an SBOM should have
// and for which the environment has no value, nil if it has all. It distinguishes
// what is not known from what was left out
// (https://www.cisa.gov/sbom, Minimum Elements).
func (m *Meta) Unknown(d *Document, c *Component) []Fact {
	var fields []string
	for _, f := range []struct {
		name  string
		known bool
	}{
		{"version", c.Version != ""},
		{"supplier", c.Supplier != ""},
		{"license", len(c.Licenses) > 0},
		{"hash", len(m.Hashes(c)) > 0},
		{"dependencies", d.DependenciesKnown(c)},
	} {
		if !f.known {
			fields = append(fields, f.name)
		}
	}
	if fields == nil {
		return nil
	}
	return []Fact{{Key: factUnknown, Value: strings.Join(fields, ",")}}
}

func plain(d Digest) bool {
	lengths := map[string]int{"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
	n, known := lengths[d.Algorithm]
	return known && len(d.Value) == n && strings.Trim(d.Value, "0123456789abcdef") == ""
}

// NewRecord returns the value of a fact that has several fields: the struct v as
// one JSON object, its strings as [Text].
func NewRecord(v any) string {
	clone := reflect.New(reflect.TypeOf(v)).Elem()
	clone.Set(reflect.ValueOf(v))
	// Text returns no error.
	_ = mapStrings(clone, func(s string) (string, error) { return Text(s), nil })
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clone.Interface()); err != nil {
		// Records have strings, numbers, booleans and lists of them only.
		panic("sbom: record of a type that JSON does not have: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ParseRecord parses the result of [NewRecord] into the struct that v points to.
func ParseRecord(value string, v any) error {
	if err := json.Unmarshal([]byte(value), v); err != nil {
		return fmt.Errorf("sbom: %.80q is not a record: %w", value, err)
	}
	return mapStrings(reflect.ValueOf(v).Elem(), ParseText)
}
