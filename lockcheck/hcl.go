package lockcheck

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
)

// parseTerraform parses .terraform.lock.hcl
// (https://developer.hashicorp.com/terraform/language/files/dependency-lock): a
// block for each provider, of which the label is the address, with a version and
// hashes. "zh:" is the SHA-256 of the archive for one platform, "h1:" the hash of
// its files, as of a Go module.
func (l *Lock) parseTerraform(_ context.Context, src *source) error {
	lex, err := newLexer(src, grammar{comments: []string{"#", "//"}, open: "/*", close: "*/", inWord: "-"})
	if err != nil {
		return err
	}
	first := map[string]int{}
	for lex.tok.kind != tokenEnd {
		if lex.tok.kind != tokenWord || lex.tok.text != "provider" {
			return lex.unexpected("a provider block")
		}
		if err := lex.next(); err != nil {
			return err
		}
		address := lex.tok
		if parts := strings.Split(address.text, "/"); address.kind != tokenString || len(parts) != 3 || slices.Contains(parts, "") || strings.ContainsAny(address.text, " \t\r\n") {
			return lex.unexpected(`the address of a provider, "HOST/NAMESPACE/TYPE",`)
		}
		e := Entry{Type: "terraform", File: src.file, Line: src.line(address.offset)}
		host, rest, _ := strings.Cut(address.text, "/")
		e.Namespace, e.Name, _ = strings.Cut(rest, "/")
		e.Source = registrySource("terraform", "https://"+host)
		if line := first[address.text]; line > 0 {
			return src.errorf(address.offset, "remove one of them", "%s has two blocks, the first on line %d", quote(address.text), line)
		}
		first[address.text] = e.Line
		if err := lex.next(); err != nil {
			return err
		}
		if err := l.terraformBlock(lex, &e); err != nil {
			return err
		}
		l.add(e)
	}
	return nil
}

func (l *Lock) terraformBlock(lex *lexer, e *Entry) error {
	if err := lex.expect("{"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for !lex.is("}") {
		key := lex.tok
		if key.kind != tokenWord {
			return lex.unexpected("an argument")
		}
		if seen[key.text] {
			return lex.errorf(key.offset, "remove one of them", "the argument %s is there twice", quote(key.text))
		}
		seen[key.text] = true
		if err := lex.next(); err != nil {
			return err
		}
		if err := lex.expect("="); err != nil {
			return err
		}
		values, err := lex.strings()
		if err != nil {
			return err
		}
		switch key.text {
		case "version":
			e.Version = strings.Join(values, ", ")
		case "hashes":
			for _, v := range values {
				l.terraformHash(e, v)
			}
		}
	}
	return lex.next()
}

// strings parses a string or a list of strings.
func (l *lexer) strings() ([]string, error) {
	list, err := l.accept("[")
	if err != nil {
		return nil, err
	}
	var out []string
	for !list || !l.is("]") {
		if l.tok.kind != tokenString {
			return nil, l.unexpected("a string")
		}
		out = append(out, l.tok.text)
		if err := l.next(); err != nil || !list {
			return out, err
		}
		if more, err := l.accept(","); err != nil {
			return nil, err
		} else if !more && !l.is("]") {
			return nil, l.unexpected(`"," or "]"`)
		}
	}
	return out, l.next()
}

func (l *Lock) terraformHash(e *Entry, text string) {
	scheme, value, _ := strings.Cut(text, ":")
	switch scheme {
	case "zh":
		l.addHash(e, "sha256", value)
	case "h1":
		if raw, err := base64.StdEncoding.DecodeString(value); err == nil && len(raw) == 32 {
			e.Hashes = append(e.Hashes, Hash{Algorithm: "h1", Value: value})
			return
		}
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has a hash of the wrong form")
	}
}
