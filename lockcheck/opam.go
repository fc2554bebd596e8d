package lockcheck

import (
	"bytes"
	"context"
	"strings"
)

// parseOpam parses the file that opam lock writes, NAME.opam.locked: an opam file
// (https://opam.ocaml.org/doc/Manual.html#opam) of which depends has an exact
// version for each package, "NAME" {= "VERSION"}, and pin-depends the
// repositories, [ "NAME.VERSION" "URL#COMMIT" ]. It has no hashes.
func (l *Lock) parseOpam(_ context.Context, src *source) error {
	lex, err := newLexer(src, grammar{comments: []string{"#"}, open: "(*", close: "*)", marks: []string{">=", "<=", "!=", `"""`}, inWord: "-+"})
	if err != nil {
		return err
	}
	o := &opamFile{lexer: lex, pins: map[string]string{}}
	for lex.tok.kind != tokenEnd {
		if err := o.field(); err != nil {
			return err
		}
	}
	for _, p := range o.packages {
		e := Entry{Type: "opam", Name: p.name, Version: p.version, Spec: p.spec, Dev: p.dev, File: src.file, Line: src.line(p.offset), Source: Source{Kind: KindRegistry}}
		if url := o.pins[p.name]; url != "" {
			at, commit, _ := strings.Cut(url, "#")
			e.Source = Source{Kind: KindVCS, URL: scrub(at), Commit: commit}
			if !strings.HasPrefix(at, "git") && !strings.HasPrefix(at, "hg") && !strings.HasPrefix(at, "darcs") {
				e.Source.Kind = KindURL
			}
		}
		l.add(e)
	}
	return l.refuseSeveral(src)
}

type opamFile struct {
	*lexer
	packages []opamPackage
	pins     map[string]string
}

type opamPackage struct {
	name, version, spec string
	dev                 bool
	offset              int
}

// field parses NAME: VALUE, and sections NAME { ... }.
func (o *opamFile) field() error {
	if o.tok.kind != tokenWord {
		return o.unexpected("a field")
	}
	name := o.tok.text
	if err := o.next(); err != nil {
		return err
	}
	if o.is("{") || o.tok.kind == tokenString {
		return o.skipField()
	}
	if err := o.expect(":"); err != nil {
		return err
	}
	switch name {
	case "depends":
		return o.depends()
	case "pin-depends":
		return o.pinDepends()
	}
	return o.skipField()
}

// skipField skips what is up to the next field or section: a value can be an
// expression.
func (o *opamFile) skipField() error {
	for o.tok.kind != tokenEnd {
		if err := o.skipValue(0); err != nil {
			return err
		}
		if o.tok.kind != tokenWord {
			continue
		}
		ahead := *o.lexer
		if err := ahead.next(); err != nil {
			return err
		}
		if ahead.tok.kind == tokenString {
			if err := ahead.next(); err != nil {
				return err
			}
			if !ahead.is("{") {
				continue
			}
		}
		if ahead.is(":") || ahead.is("{") {
			return nil
		}
	}
	return nil
}

// skipValue skips one token, or all in a pair of brackets.
func (o *opamFile) skipValue(depth int) error {
	if depth > maxDepth {
		return o.errorf(o.tok.offset, "no tool writes such a file", "nested deeper than %d levels", maxDepth)
	}
	end := map[string]string{"[": "]", "{": "}", "(": ")"}[o.tok.text]
	switch {
	case o.tok.kind == tokenMark && end != "":
		if err := o.next(); err != nil {
			return err
		}
		for !o.is(end) {
			if o.tok.kind == tokenEnd {
				return o.unexpected(quote(end))
			}
			if err := o.skipValue(depth + 1); err != nil {
				return err
			}
		}
	case o.is(`"""`):
		end := bytes.Index(o.data[o.pos:], []byte(`"""`))
		if end < 0 {
			return o.errorf(o.tok.offset, "create the lock file again", "a string does not end")
		}
		o.pos += end + 3
	case o.tok.kind == tokenEnd:
		return o.unexpected("a value")
	}
	return o.next()
}

// depends parses [ "NAME" {= "VERSION" & OTHER} ... ].
func (o *opamFile) depends() error {
	if err := o.expect("["); err != nil {
		return err
	}
	for !o.is("]") {
		if o.tok.kind != tokenString || o.tok.text == "" {
			return o.unexpected("the name of a package")
		}
		p := opamPackage{name: o.tok.text, offset: o.tok.offset}
		if err := o.next(); err != nil {
			return err
		}
		if o.is("{") {
			if err := o.constraint(&p); err != nil {
				return err
			}
		}
		o.packages = append(o.packages, p)
	}
	return o.next()
}

// constraint parses the option of a dependency. A version is exact with "=" and
// without alternatives.
func (o *opamFile) constraint(p *opamPackage) error {
	var words []string
	depth, operator, alternatives := 0, "", false
	for {
		switch {
		case o.tok.kind == tokenEnd:
			return o.unexpected(`"}"`)
		case o.is("{") || o.is("("):
			depth++
		case o.is("}") || o.is(")"):
			if depth--; depth == 0 {
				if p.spec = oneLine(strings.Join(words, " ")); alternatives {
					p.version = ""
				}
				if p.version != "" {
					p.spec = ""
				}
				return o.next()
			}
		case o.tok.kind == tokenString && operator == "=":
			p.version = o.tok.text
		case o.is("|") || o.is("!"):
			alternatives = true
		case o.tok.kind == tokenWord && strings.HasPrefix(o.tok.text, "with-"):
			p.dev = true
		}
		operator = ""
		if o.tok.kind == tokenMark {
			operator = o.tok.text
		}
		if depth > 0 && !o.is("{") {
			words = append(words, o.tok.text)
		}
		if err := o.next(); err != nil {
			return err
		}
	}
}

// pinDepends parses [ [ "NAME.VERSION" "URL" ] ... ], or one such pair.
func (o *opamFile) pinDepends() error {
	if err := o.expect("["); err != nil {
		return err
	}
	for !o.is("]") {
		nested, err := o.accept("[")
		if err != nil {
			return err
		}
		pair := [2]string{}
		for i := range pair {
			if o.tok.kind != tokenString {
				return o.unexpected("a string")
			}
			pair[i] = o.tok.text
			if err := o.next(); err != nil {
				return err
			}
		}
		name, _, _ := strings.Cut(pair[0], ".")
		o.pins[name] = pair[1]
		if nested {
			if err := o.expect("]"); err != nil {
				return err
			}
		}
	}
	return o.next()
}
