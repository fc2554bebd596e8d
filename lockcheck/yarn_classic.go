package lockcheck

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// classicEntry is a block of a yarn.lock of version 1.
type classicEntry struct {
	offset int
	keys   []string
	// fields are the values with their offsets.
	fields map[string]classicValue
	// blocks are the nested ones: "dependencies", "optionalDependencies".
	blocks map[string]map[string]string
}

type classicValue struct {
	text   string
	offset int
}

// parseYarnClassic parses a yarn.lock of version 1
// (https://classic.yarnpkg.com/lang/en/docs/yarn-lock/): keys, then indented
// values and blocks of values. The tokens are those of Yarn's own parser
// (src/lockfile/parse.js). Where that is lenient, the form that Yarn writes is
// required: it takes the last of two equal keys, and ignores the rest of a file
// after a block that an empty line interrupts.
func (l *Lock) parseYarnClassic(ctx context.Context, src *source) error {
	p := classicParser{source: src, seen: map[string]int{}}
	if err := src.eachLine(ctx, p.line); err != nil {
		return err
	}
	if p.open != nil {
		return src.errorf(p.open.offset, yarnAgain, "the entry has no values")
	}
	optional := p.optional()
	for _, e := range p.entries {
		if err := l.classic(src, e, optional); err != nil {
			return err
		}
	}
	return nil
}

// optional returns the keys that other entries require, with true for those that are
// in "optionalDependencies" only. What the project requires is not in the lock.
func (p *classicParser) optional() map[string]bool {
	out := map[string]bool{}
	for _, e := range p.entries {
		for name, rng := range e.blocks["dependencies"] {
			out[name+"@"+rng] = false
		}
	}
	for _, e := range p.entries {
		for name, rng := range e.blocks["optionalDependencies"] {
			if _, required := out[name+"@"+rng]; !required {
				out[name+"@"+rng] = true
			}
		}
	}
	return out
}

// yarnAgain is the remedy for a damaged lock.
const yarnAgain = "write the lock again with yarn install"

type classicParser struct {
	*source
	entries []*classicEntry
	// open is an entry without values yet, block the nested block that lines of
	// the third level belong to.
	open  *classicEntry
	block map[string]string
	// ended is set after an empty line, which ends a block.
	ended bool
	// seen has the lines of all keys.
	seen map[string]int
}

// line parses a line.
func (p *classicParser) line(start int, line string) error {
	if start == 0 {
		if rest, ok := strings.CutPrefix(line, "\ufeff"); ok {
			start, line = start+len("\ufeff"), rest
		}
	}
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	at := start + indent
	switch {
	case text == "":
		p.ended = true
		return nil
	case text[0] == '#':
		return nil
	case indent == 0:
		return p.header(at, text)
	case len(p.entries) == 0, p.ended, indent != 2 && indent != 4, indent == 4 && p.block == nil:
		return p.errorf(at, yarnAgain, "a value that belongs to no entry")
	}
	p.open = nil
	key, value, kind, err := p.pair(at, text)
	if err != nil {
		return err
	}
	e := p.entries[len(p.entries)-1]
	switch {
	case indent == 4 && kind == classicBlock:
		return p.errorf(at, yarnAgain, "a block in a block")
	case indent == 4:
		if _, twice := p.block[key]; twice {
			return p.errorf(at, "remove one of them", "the key %s is there twice", quote(key))
		}
		p.block[key] = value
		return nil
	}
	_, twice := e.fields[key]
	if _, block := e.blocks[key]; twice || block {
		return p.errorf(at, "remove one of them", "the key %s is there twice", quote(key))
	}
	if p.block = nil; kind == classicBlock {
		p.block = map[string]string{}
		e.blocks[key] = p.block
		return nil
	}
	e.fields[key] = classicValue{value, at}
	return nil
}

// header parses the keys of an entry: KEY, KEY:
func (p *classicParser) header(at int, text string) error {
	if p.open != nil {
		return p.errorf(p.open.offset, yarnAgain, "the entry has no values")
	}
	e := &classicEntry{offset: at, fields: map[string]classicValue{}, blocks: map[string]map[string]string{}}
	for rest := text; ; {
		key, after, err := p.word(at+len(text)-len(rest), rest)
		if err == nil && key == "" {
			err = p.errorf(at, yarnAgain, "an empty key")
		}
		if err != nil {
			return err
		}
		if first, twice := p.seen[key]; twice {
			return p.errorf(at, "remove one of them", "the key %s is there twice, first on line %d", quote(key), first)
		}
		p.seen[key] = p.source.line(at)
		e.keys = append(e.keys, key)
		after = strings.TrimLeft(after, " ")
		if next, ok := strings.CutPrefix(after, ","); ok {
			rest = strings.TrimLeft(next, " ")
			continue
		}
		if after, ok := strings.CutPrefix(after, ":"); !ok || strings.Trim(after, " ") != "" {
			return p.errorf(at, yarnAgain, "the keys of an entry do not end in a colon")
		}
		break
	}
	p.entries, p.open, p.block, p.ended = append(p.entries, e), e, nil, false
	return nil
}

type classicKind int

const (
	classicScalar classicKind = iota
	classicBlock
)

// pair parses KEY VALUE or KEY: on one line.
func (p *classicParser) pair(at int, text string) (key, value string, kind classicKind, err error) {
	key, rest, err := p.word(at, text)
	if err != nil {
		return "", "", 0, err
	}
	rest = strings.TrimLeft(rest, " ")
	if after, ok := strings.CutPrefix(rest, ":"); ok {
		if strings.Trim(after, " ") != "" {
			return "", "", 0, p.errorf(at, yarnAgain, "a value after a colon")
		}
		return key, "", classicBlock, nil
	}
	if rest == "" {
		return "", "", 0, p.errorf(at, yarnAgain, "the key %s has no value", quote(key))
	}
	from := at + len(text) - len(rest)
	if scalar := classicScalars.FindString(rest); scalar != "" && strings.Trim(rest[len(scalar):], " ") == "" {
		return key, scalar, classicScalar, nil
	}
	value, rest, err = p.word(from, rest)
	if err == nil && strings.Trim(rest, " ") != "" {
		err = p.errorf(from, yarnAgain, "more than one value")
	}
	return key, value, classicScalar, err
}

// classicScalars matches numbers and booleans. A word in place of a value can
// also begin with "true": Yarn takes a boolean and another key then.
var classicScalars = lazyregexp.New(`^([0-9]+|true|false)`)

// word parses a string: in quotes, as in JSON, or a plain one up to a space,
// colon or comma.
func (p *classicParser) word(at int, text string) (word, rest string, err error) {
	switch c := firstByte(text); {
	case c == '"':
		end := 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(text) {
			return "", "", p.errorf(at, yarnAgain, "a string without an end")
		}
		if json.Unmarshal([]byte(text[:end+1]), &word) != nil {
			return "", "", p.errorf(at, yarnAgain, "a malformed string")
		}
		rest = text[end+1:]
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '/', c == '.', c == '-':
		if strings.HasPrefix(text, "true") || strings.HasPrefix(text, "false") {
			return "", "", p.errorf(at, yarnAgain, "a string that begins with a boolean and is not in quotes")
		}
		end := strings.IndexAny(text, ":, \r")
		if end < 0 {
			end = len(text)
		}
		word, rest = text[:end], text[end:]
	default:
		return "", "", p.errorf(at, yarnAgain, "not a string of a yarn.lock")
	}
	return word, rest, nil
}

func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

// classic adds an entry.
func (l *Lock) classic(src *source, c *classicEntry, optional map[string]bool) error {
	version, ok := c.fields["version"]
	if !ok {
		return src.errorf(c.offset, yarnAgain, "the entry of %s has no version", quote(c.keys[0]))
	}
	e := Entry{Type: "npm", Version: version.text, File: src.file, Line: src.line(c.offset)}
	e.Optional = !slices.ContainsFunc(c.keys, func(key string) bool { return !optional[key] })
	name, other, under := yarnKeys(c.keys, true)
	_, rng, _ := yarnIdent(c.keys[0])
	if strings.Contains(under[0], ":") {
		rng = c.keys[0] // a URL without a name
	}
	// "name" is written where a package has another name than its key, which only
	// a repository or an archive can have.
	if n := c.fields["name"].text; n != "" && n != name && (other == "" || n != other) {
		if classicRegistry(rng) {
			e.flaw = flaw{OtherPackage, "the project requires " + quote(name) + ", and the lock has " + quote(n)}
		}
		name, e.Line = n, src.line(c.fields["name"].offset)
	} else if other != "" {
		e.flaw = flaw{OtherPackage, "the entry of " + quote(name) + " is also that of " + quote(other)}
	}
	e.setName(name)
	if e.Name == "" {
		return src.errorf(c.offset, yarnAgain, "a package without a name")
	}
	e.names = append(under, name)
	l.classicSource(&e, rng, c)
	if twice := twoOf(e.Hashes); twice != "" && e.flaw.reason == "" {
		return src.errorf(c.fields["integrity"].offset, yarnAgain, "%s has two hashes of %s, and a tarball has one", quote(e.fullName()), twice)
	}
	if e.fullName() != under[0] {
		l.problem(ProblemAlias, e.File, e.Line, e.Name, quote(e.fullName())+" is installed as "+quote(under[0]))
	}
	l.add(e)
	return nil
}

// classicRegistry reports whether a range is one that Yarn 1 resolves by the
// registry: a version, a range or a tag, or an alias.
func classicRegistry(rng string) bool {
	return strings.HasPrefix(rng, "npm:") || !strings.ContainsAny(rng, ":/")
}

// classicSource sets the source and the hashes: "resolved" is a URL with the
// SHA-1 of the archive, or the commit, behind "#".
func (l *Lock) classicSource(e *Entry, rng string, c *classicEntry) {
	resolved := c.fields["resolved"].text
	plain, fragment, _ := strings.Cut(resolved, "#")
	file := plain[strings.LastIndexByte(plain, '/')+1:]
	switch repo, commit, hosted := hostedArchive(resolved); {
	case resolved == "" && strings.HasPrefix(rng, "link:"):
		e.Source = Source{Kind: KindLink, URL: scrub(strings.TrimPrefix(rng, "link:"))}
	case resolved == "" && !classicRegistry(rng):
		e.Source = Source{Kind: KindPath, URL: scrub(strings.TrimPrefix(rng, "file:"))}
	case hosted:
		e.Source = Source{Kind: KindVCS, URL: repo, Commit: commit}
	case strings.HasSuffix(plain, ".git") && strings.Contains(plain, "://"):
		e.Source = Source{Kind: KindVCS, URL: scrub(plain), Commit: fragment}
	case classicRegistry(rng) && resolved != "" && !strings.Contains(plain, ":") && strings.HasSuffix(plain, ".tgz"):
		// The file of an offline mirror (yarn-offline-mirror), as Yarn before
		// 0.28 wrote it.
		e.Source = Source{Kind: KindRegistry}
		scope := strings.Replace(e.fullName(), "/", "-", 1)
		if v := "-" + e.Version + ".tgz"; file != e.Name+v && file != scope+v {
			e.flaw = flaw{OtherPackage, quote(e.fullName()) + " " + quote(e.Version) + " is locked to the file " + quote(file)}
		}
	default:
		npmSource(resolved, e)
		if e.Source.Kind == KindRegistry && resolved != "" && !classicRegistry(rng) {
			e.Source = Source{Kind: KindURL, URL: scrub(resolved)}
		}
	}
	hashes, malformed := integrity(c.fields["integrity"].text)
	if malformed {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has an integrity of the wrong form")
	}
	e.Hashes = hashes
	if h, ok := hexHash("sha1", fragment); ok && e.Source.Kind != KindVCS {
		known := slices.IndexFunc(hashes, func(x Hash) bool { return x.Algorithm == "sha1" })
		switch {
		case known < 0:
			e.Hashes = append(e.Hashes, h)
		case hashes[known] != h && e.flaw.reason == "":
			e.flaw = flaw{OtherPackage, quote(e.fullName()) + " is resolved to a file with another sha1 than its integrity has"}
		}
	}
}

// hosted matches the archives of a commit by which Yarn 1 takes a repository of a
// host (src/resolvers/exotics/*-resolver.js).
var hosted = lazyregexp.New(`^https://(?:codeload\.(github\.com)/([^/?#]+/[^/?#]+)/(?:legacy\.)?tar\.gz/(?:refs/[a-z]+/)?([^/?#]+)` +
	`|(gitlab\.com)/([^/?#]+/[^/?#]+)/repository/archive\.tar\.gz\?ref=([^&#]+)|(bitbucket\.org)/([^/?#]+/[^/?#]+)/get/([^/?#]+)\.tar\.gz)(?:#.*)?$`)

// hostedArchive returns the repository and the commit of an archive.
func hostedArchive(url string) (repo, commit string, ok bool) {
	m := hosted.FindStringSubmatch(url)
	if m == nil {
		return "", "", false
	}
	for i := 1; i < len(m); i += 3 {
		if m[i] != "" {
			return "https://" + m[i] + "/" + m[i+1], m[i+2], true
		}
	}
	return "", "", false
}
