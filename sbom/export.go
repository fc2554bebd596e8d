package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Meta is what an exported document says that the [Document] does not know.
type Meta struct {
	// Name of the stage; the environment's reference when empty.
	Name string
	// ToolVersion is depaudit's own version, without a leading "v".
	ToolVersion string
	// Created is the date that both formats demand. It comes from
	// SOURCE_DATE_EPOCH or is the Unix epoch: the caller decides, and no
	// encoder reads the clock. Whole seconds are kept.
	Created time.Time
	// Provenance returns what the audit decided about the component with
	// that ID. It may be nil: a scan without an audit.
	Provenance func(id string) Annotation
}

// Annotation is what an audit decided about one component. Empty fields are
// not exported.
type Annotation struct {
	Provenance string // "os", "lock", "image", "exception", "unaccounted", "inside"
	Evidence   string // "db-owned", "hash-locked", ...
	LockFile   string // the lock file that pins the component
	LockLine   int    // the line of its entry there
	Why        string // the reason, when nothing accounts for it
}

// FactPrefix is the namespace of facts in exported documents.
const FactPrefix = "depaudit:"

// Fact is a statement about a component or about the whole document for
// which an exchange format has no field of its own. In CycloneDX it is a
// property, in SPDX a line of a comment ([JoinFacts]).
//
// A key may occur several times. Values are either [Text] or, for records,
// one JSON object whose strings are Text; they never hold a line break.
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

// ParseFacts reads what [JoinFacts] wrote. Lines that are no facts are left
// out: people may add theirs to a comment.
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

// Text makes a string from a stranger safe to stand in an exported document,
// without loss. A printable string stands for itself. One with control or
// formatting characters (ESC, line breaks, bidirectional overrides), with
// bytes that are not UTF-8 (which JSON cannot hold) or with a double quote in
// front becomes a Go string literal of ASCII characters
// (https://go.dev/ref/spec#String_literals), quotes included.
//
// Different strings have different texts, so a text can serve as identifier.
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
		return "", fmt.Errorf("sbom: %.80q begins like a quoted text but is none", s)
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

// SafePURL returns the package URL in the characters that a URL may have:
// spaces, control characters and bytes outside ASCII are percent-encoded, as
// the purl specification demands of every part. A correct package URL is
// returned as it is.
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

// ContentUUID derives a UUID from the content that it identifies: version 8
// (RFC 9562, section 5.8) made of the first bits of its SHA-256. The same
// content has the same identifier, on every machine and at any time.
func ContentUUID(content []byte) string {
	u := sha256.Sum256(content)
	u[6] = u[6]&0x0f | 0x80 // version 8
	u[8] = u[8]&0x3f | 0x80 // the variant of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// Timestamp is m.Created in the form that both formats demand. It fails for
// a year that has not four digits.
func (m *Meta) Timestamp() (string, error) {
	t := m.Created.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return "", fmt.Errorf("sbom: creation date in the year %d: SPDX and CycloneDX want four digits", y)
	}
	return t.Format("2006-01-02T15:04:05Z"), nil
}

// Title is the exported name of the environment.
func (m *Meta) Title(d *Document) string {
	for _, s := range []string{m.Name, d.Environment.Ref} {
		if s != "" {
			return Text(s)
		}
	}
	return "environment"
}

// maxToolVersion keeps a broken build's version from breaking a document:
// CycloneDX allows 1,024 characters, a Go pseudo-version has some 50.
const maxToolVersion = 128

// Version is m.ToolVersion in the characters that stand in an SPDX tool name
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

// IsFolder says whether the environment is the root file system of a folder
// or a machine, and not an image.
func (e *Environment) IsFolder() bool { return e.Kind == "dir" || e.Kind == "host" }

// DocumentFacts are the facts about the whole document, in a fixed order:
// first what [SetDocumentFact] reads back, then counts, which follow from
// the components and are there for people and for jq.
func (m *Meta) DocumentFacts(d *Document) []Fact {
	var facts []Fact
	for _, f := range documentFields() {
		for _, v := range f.get(d) {
			facts = append(facts, Fact{f.key, v})
		}
	}
	counts := map[string]int{}
	var total, inside int
	for i := range d.Components {
		c := &d.Components[i]
		if !c.Counts() {
			inside++
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
		// The provenance is a word of the audit, but whoever calls may be wrong.
		count("provenance:"+strings.ReplaceAll(Text(p), "=", "-"), counts[p])
	}
	count("inside", inside)
	count("excluded", d.ExcludedCount())
	count("gaps", len(d.Gaps))
	return facts
}

// SetDocumentFact puts a fact of [Meta.DocumentFacts] back into d. Keys that
// it does not know are left alone: a later version may say more.
func SetDocumentFact(d *Document, f Fact) error {
	return setFact(documentFields(), d, f)
}

// ComponentFacts are the facts about one component, in a fixed order. The
// keys in native are left out: the format has a field for them that holds
// this component's value unchanged.
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

// SetComponentFact puts a fact of [Meta.ComponentFacts] back into c, or into
// a when it comes from the audit. Keys that it does not know are left alone.
func SetComponentFact(c *Component, a *Annotation, f Fact) error {
	if err := setFact(componentFields(), c, f); err != nil {
		return err
	}
	return setFact(annotationFields(), a, f)
}

// PlainDigests are the digests that an exchange format can state as the hash
// of the component: hexadecimal, of an algorithm that both formats know and
// of its length, one for each algorithm. Where two records name different
// values, neither is stated: a reader could not know which one is meant.
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

func plain(d Digest) bool {
	lengths := map[string]int{"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
	n, known := lengths[d.Algorithm]
	return known && len(d.Value) == n && strings.Trim(d.Value, "0123456789abcdef") == ""
}

// NewRecord is the value of a fact that consists of several fields: v as one
// JSON object, its strings as [Text]. v is a struct.
func NewRecord(v any) string {
	clone := reflect.New(reflect.TypeOf(v)).Elem()
	clone.Set(reflect.ValueOf(v))
	// Text does not fail.
	_ = mapStrings(clone, func(s string) (string, error) { return Text(s), nil })
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clone.Interface()); err != nil {
		// Only strings, numbers, booleans and lists of them are recorded.
		panic("sbom: record of a type that JSON does not know: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ParseRecord reads what [NewRecord] wrote into the struct that v points to.
func ParseRecord(value string, v any) error {
	if err := json.Unmarshal([]byte(value), v); err != nil {
		return fmt.Errorf("sbom: %.80q is no record: %w", value, err)
	}
	return mapStrings(reflect.ValueOf(v).Elem(), ParseText)
}

// field connects a fact with the field that it stands for, in both
// directions, so that writing and reading cannot drift apart.
type field[T any] struct {
	key string
	get func(*T) []string
	set func(*T, string) error
}

func documentFields() []field[Document] {
	return []field[Document]{
		number("rules", func(d *Document) *int { return &d.Rules }),
		text("catalogers", func(d *Document) *string { return &d.Catalogers }),
		record("environment", func(d *Document) *Environment { return &d.Environment }),
		records("gap", func(d *Document) *[]Gap { return &d.Gaps }),
		records("notice", func(d *Document) *[]Notice { return &d.Notices }),
		records("excluded", func(d *Document) *[]Exclusion { return &d.Excluded }),
	}
}

func componentFields() []field[Component] {
	return []field[Component]{
		text("id", func(c *Component) *string { return &c.ID }),
		text("purl", func(c *Component) *string { return &c.PURL }),
		text("kind", func(c *Component) *Kind { return &c.Kind }),
		text("type", func(c *Component) *string { return &c.Type }),
		text("namespace", func(c *Component) *string { return &c.Namespace }),
		text("name", func(c *Component) *string { return &c.Name }),
		text("version", func(c *Component) *string { return &c.Version }),
		text("arch", func(c *Component) *string { return &c.Arch }),
		texts("path", func(c *Component) *[]string { return &c.Paths }),
		text("inside-of", func(c *Component) *string { return &c.Owner }),
		text("os-evidence", func(c *Component) *string { return &c.Evidence }),
		text("found-by", func(c *Component) *string { return &c.FoundBy }),
		text("asked", func(c *Component) *Asked { return &c.Asked }),
		records("digest", func(c *Component) *[]Digest { return &c.Digests }),
		install(),
		number("files", func(c *Component) *int { return &c.Files }),
		text("detail", func(c *Component) *string { return &c.Detail }),
		text("source", func(c *Component) *string { return &c.Source }),
		number("installed-size", func(c *Component) *int64 { return &c.InstalledSize }),
	}
}

func annotationFields() []field[Annotation] {
	return []field[Annotation]{
		text("provenance", func(a *Annotation) *string { return &a.Provenance }),
		text("evidence", func(a *Annotation) *string { return &a.Evidence }),
		{"lock", lockOf, setLock},
		text("why", func(a *Annotation) *string { return &a.Why }),
	}
}

func setFact[T any](fields []field[T], target *T, fact Fact) error {
	for _, f := range fields {
		if f.key != fact.Key {
			continue
		}
		if err := f.set(target, fact.Value); err != nil {
			return fmt.Errorf("%s%s: %w", FactPrefix, fact.Key, err)
		}
	}
	return nil
}

func text[T any, S ~string](key string, at func(*T) *S) field[T] {
	return field[T]{key,
		func(t *T) []string {
			if *at(t) == "" {
				return nil
			}
			return []string{Text(string(*at(t)))}
		},
		func(t *T, value string) error {
			s, err := ParseText(value)
			*at(t) = S(s)
			return err
		},
	}
}

func texts[T any](key string, at func(*T) *[]string) field[T] {
	return field[T]{key,
		func(t *T) []string {
			var out []string
			for _, s := range *at(t) {
				out = append(out, Text(s))
			}
			return out
		},
		func(t *T, value string) error {
			s, err := ParseText(value)
			*at(t) = append(*at(t), s)
			return err
		},
	}
}

func number[T any, N int | int64](key string, at func(*T) *N) field[T] {
	return field[T]{key,
		func(t *T) []string {
			if *at(t) == 0 {
				return nil
			}
			return []string{strconv.FormatInt(int64(*at(t)), 10)}
		},
		func(t *T, value string) error {
			n, err := strconv.ParseInt(value, 10, 64)
			*at(t) = N(n)
			return err
		},
	}
}

func record[T, R any](key string, at func(*T) *R) field[T] {
	return field[T]{key,
		func(t *T) []string { return []string{NewRecord(*at(t))} },
		func(t *T, value string) error { return ParseRecord(value, at(t)) },
	}
}

func records[T, R any](key string, at func(*T) *[]R) field[T] {
	return field[T]{key,
		func(t *T) []string {
			var out []string
			for _, r := range *at(t) {
				out = append(out, NewRecord(r))
			}
			return out
		},
		func(t *T, value string) error {
			var r R
			err := ParseRecord(value, &r)
			*at(t) = append(*at(t), r)
			return err
		},
	}
}

func install() field[Component] {
	return field[Component]{"install",
		func(c *Component) []string {
			if c.Install == nil {
				return nil
			}
			return []string{NewRecord(*c.Install)}
		},
		func(c *Component, value string) error {
			c.Install = new(Install)
			return ParseRecord(value, c.Install)
		},
	}
}

func lockOf(a *Annotation) []string {
	if a.LockFile == "" {
		return nil
	}
	return []string{Text(a.LockFile + ":" + strconv.Itoa(a.LockLine))}
}

func setLock(a *Annotation, value string) error {
	s, err := ParseText(value)
	if err != nil {
		return err
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return errors.New("want FILE:LINE")
	}
	a.LockFile = s[:i]
	a.LockLine, err = strconv.Atoi(s[i+1:])
	return err
}

// mapStrings replaces every string in v, which is a struct of strings,
// numbers, booleans, lists of strings and such structs.
func mapStrings(v reflect.Value, replace func(string) (string, error)) error {
	switch v.Kind() {
	case reflect.String:
		s, err := replace(v.String())
		if err != nil {
			return err
		}
		v.SetString(s)
	case reflect.Struct:
		for i := range v.NumField() {
			if err := mapStrings(v.Field(i), replace); err != nil {
				return err
			}
		}
	case reflect.Slice:
		// A copy: the document that is being written keeps its own.
		list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(list, v)
		for i := range list.Len() {
			if err := mapStrings(list.Index(i), replace); err != nil {
				return err
			}
		}
		if !v.IsNil() {
			v.Set(list)
		}
	}
	return nil
}
