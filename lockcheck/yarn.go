package lockcheck

import (
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// yarnHeader matches the comment that Yarn 1 writes above its locks, by which
// every version of Yarn recognises them (src/lockfile/stringify.js of Yarn 1,
// packages/yarnpkg-parsers/sources/syml.ts of Yarn 2 and later).
var yarnHeader = lazyregexp.New(`(?mi)\A\x{FEFF}?(#.*\r?\n|[ \t]*\r?\n)*#[ \t]+yarn[ \t]+lockfile[ \t]+v([0-9]+)[ \t]*\r?$`)

// yarnMetadata matches the key that only the locks of Yarn 2 and later have.
var yarnMetadata = lazyregexp.New(`(?m)^["']?__metadata["']?[ \t]*:`)

// parseYarn parses yarn.lock: the format of Yarn 1 (yarn_classic.go) or that of
// Yarn 2 and later (yarn_berry.go), which have nothing but the name in common.
func (l *Lock) parseYarn(ctx context.Context, src *source) error {
	header := yarnHeader.FindSubmatchIndex(src.data)
	if header == nil && yarnMetadata.Match(src.data) {
		return fromYAML((*Lock).parseYarnBerry)(l, ctx, src)
	}
	if header != nil {
		if version := string(src.data[header[4]:header[5]]); version != "1" {
			return src.errorf(header[4], "create the lock file again with a newer Yarn", "yarn lockfile v%s is not supported", version)
		}
	}
	return l.parseYarnClassic(ctx, src)
}

// yarnIdent splits a descriptor or a locator of Yarn ("a@^1.0.0", "@s/a@npm:1.0.0")
// into the name and what follows. There is none after a name alone.
func yarnIdent(s string) (name, rest string, ok bool) {
	from := 0
	if strings.HasPrefix(s, "@") {
		from = 1
	}
	i := strings.IndexByte(s[from:], '@')
	if i < 0 {
		return s, "", s != ""
	}
	return s[:from+i], s[from+i+1:], i > 0
}

// yarnAlias returns the package that a range is an alias of: "npm:b@^1" is
// another one than the name before it has, "npm:^1" is not. Yarn 1 also takes
// "npm:b", which is a tag to later versions.
func yarnAlias(rng string, classic bool) string {
	rest, ok := strings.CutPrefix(rng, "npm:")
	if !ok {
		return ""
	}
	name, _, _ := yarnIdent(rest)
	if name == rest && !classic {
		return ""
	}
	return name
}

// yarnKeys returns the package that the keys of an entry name, and the names of
// the directories that it is installed in: "a@npm:b@^1" is the package b in a
// directory a. other is a second package of the keys, which no entry has.
func yarnKeys(keys []string, classic bool) (name, other string, under []string) {
	for i, key := range keys {
		dir, rng, _ := yarnIdent(key)
		pkg := dir
		if to := yarnAlias(rng, classic); to != "" {
			pkg = to
		}
		if i == 0 {
			name = pkg
		} else if name != pkg && other == "" {
			other = pkg
		}
		under = append(under, dir)
	}
	return name, other, under
}

// setName sets the name of an entry.
func (e *Entry) setName(full string) { e.Namespace, e.Name = ecosystem.Split(e.Type, full) }
