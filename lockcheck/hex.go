package lockcheck

import (
	"context"
	"strings"
)

// parseMix parses mix.lock: one map of Elixir from the name of an application to
// {:hex, PACKAGE, VERSION, INNER, MANAGERS, REQUIREMENTS, REPO, OUTER}, of which
// old versions have fewer, or {:git, URL, COMMIT, OPTIONS}
// (hexpm/hex, lib/hex/utils.ex, lock; elixir-lang/elixir, lib/mix/lib/mix/scm/git.ex).
// INNER is the SHA-256 of the contents, OUTER that of the archive that Hex
// downloads; both are strong, and Hex compares both.
func (l *Lock) parseMix(_ context.Context, src *source) error {
	lex, err := newLexer(src, elixir())
	if err != nil {
		return err
	}
	t := &termParser{lexer: lex}
	if t.tok.kind == tokenEnd {
		return nil
	}
	root, err := t.value(0)
	if err != nil {
		return err
	}
	if root.kind != nodeObject {
		return src.errorf(root.offset, "create it again with mix deps.get", "a mix.lock is a map, not %s", root.kind)
	}
	if t.tok.kind != tokenEnd {
		return t.unexpected("the end of the file")
	}
	for i := range root.members {
		if err := l.mixEntry(src, &root.members[i]); err != nil {
			return err
		}
	}
	d := &document{source: src}
	l.refuseTwins(d)
	return d.failure()
}

func (l *Lock) mixEntry(src *source, m *member) error {
	e := Entry{Type: "hex", Name: m.key, File: src.file, Line: src.line(m.offset)}
	field := func(i int) string {
		if i < len(m.value.items) && m.value.items[i].kind == nodeString {
			return m.value.items[i].text
		}
		return ""
	}
	malformed := src.errorf(m.value.offset, "create it again with mix deps.get", "the entry of %s is no {:hex, ...} or {:git, ...}", quote(m.key))
	if m.value.kind != nodeArray || m.key == "" {
		return malformed
	}
	switch field(0) {
	case "hex":
		if e.Name, e.Version = field(1), field(2); e.Name == "" || e.Version == "" {
			return malformed
		}
		for _, i := range []int{3, 7} {
			if sum := field(i); sum != "" {
				l.addHash(&e, "sha256", sum)
			}
		}
		e.Source = hexSource(field(6))
	case "git":
		if field(1) == "" {
			return malformed
		}
		e.Source = Source{Kind: KindVCS, URL: scrub(field(1)), Commit: field(2)}
	case "path":
		e.Source = Source{Kind: KindPath, URL: field(1)}
	default:
		return malformed
	}
	l.add(e)
	return nil
}

// hexSource returns the source of a package in a repository of Hex. "hexpm" is
// the public one, "hexpm:NAME" an organisation there; the URL of another one is in
// the configuration of the machine. It is allowed by "hex://NAME".
func hexSource(repo string) Source {
	switch {
	case repo == "" || repo == "hexpm":
		return Source{Kind: KindRegistry}
	case strings.HasPrefix(repo, "hexpm:"):
		return registrySource("hex", "https://repo.hex.pm/repos/"+strings.TrimPrefix(repo, "hexpm:"))
	}
	return registrySource("hex", "hex://"+repo)
}

// parseRebar parses rebar.lock: {"1.2.0", [{NAME, SOURCE, LEVEL}, ...]}. and then
// [{pkg_hash, [...]}, {pkg_hash_ext, [...]}]., or the first list alone in old
// versions (erlang/rebar3, apps/rebar/src/rebar_config.erl, consult_lock_file).
// SOURCE is {pkg, PACKAGE, VERSION}, or {git, URL, {ref, COMMIT}}.
func (l *Lock) parseRebar(_ context.Context, src *source) error {
	lex, err := newLexer(src, erlang())
	if err != nil {
		return err
	}
	t := &termParser{lexer: lex}
	var terms []*node
	for t.tok.kind != tokenEnd {
		n, err := t.value(0)
		if err != nil {
			return err
		}
		if err := t.expect("."); err != nil {
			return err
		}
		terms = append(terms, n)
	}
	if len(terms) == 0 {
		return nil
	}
	malformed := func(n *node, what string) error {
		return src.errorf(n.offset, "create it again with rebar3 upgrade", "%s", what)
	}
	list := terms[0]
	if len(list.items) == 2 && list.items[0].kind == nodeString {
		if v := list.items[0].text; !strings.HasPrefix(v, "1.") {
			return malformed(list.items[0], "rebar.lock version "+quote(v)+" is not supported")
		}
		list = list.items[1]
	}
	if list.kind != nodeArray {
		return malformed(list, "a rebar.lock has a list, not "+list.kind.String())
	}
	sums := map[string][]string{}
	seen := map[[2]string]bool{}
	for _, term := range terms[1:] {
		for _, kind := range term.items { // {pkg_hash, [{NAME, SUM}, ...]}
			if len(kind.items) != 2 {
				continue
			}
			for _, pair := range kind.items[1].items {
				if len(pair.items) == 2 {
					name := pair.items[0].text
					if key := [2]string{kind.items[0].text, name}; seen[key] {
						return malformed(pair, quote(name)+" has two hashes in "+quote(key[0]))
					} else {
						seen[key] = true
					}
					sums[name] = append(sums[name], pair.items[1].text)
				}
			}
		}
	}
	for _, item := range list.items {
		if len(item.items) < 2 || item.items[0].text == "" || len(item.items[1].items) < 2 {
			return malformed(item, "an entry is no {NAME, SOURCE, LEVEL}")
		}
		name, from := item.items[0], item.items[1].items
		e := Entry{Type: "hex", Name: name.text, File: src.file, Line: src.line(name.offset), Direct: len(item.items) > 2 && item.items[2].text == "0"}
		switch from[0].text {
		case "pkg":
			e.Source = Source{Kind: KindRegistry}
			if e.Name = from[1].text; len(from) > 2 {
				e.Version = from[2].text
			}
			for _, sum := range sums[name.text] {
				l.addHash(&e, "sha256", sum)
			}
		case "git", "hg", "git_subdir":
			e.Source = Source{Kind: KindVCS, URL: scrub(from[1].text)}
			if len(from) > 2 && len(from[2].items) == 2 && from[2].items[0].text == "ref" {
				e.Source.Commit = from[2].items[1].text
			}
		default:
			return malformed(item.items[1], "the source "+quote(from[0].text)+" of "+quote(e.Name)+" is not known")
		}
		if e.Name == "" {
			return malformed(item, "an entry without a name")
		}
		l.add(e)
	}
	return l.refuseSeveral(src)
}
