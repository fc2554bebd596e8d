package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// phrases are the words that CONTRIBUTING.md replaces, with what to write.
// The list is short on purpose: it has what is never right here, so that no
// line needs an exception.
var phrases = []struct {
	banned *regexp.Regexp
	write  string
}{
	{regexp.MustCompile(`(?i)\bfolders?\b`), "directory"},
	{regexp.MustCompile(`(?i)\bsay(s|ing)? (whether|that|how|what|so|of itself)\b`), "reports whether, returns, contains"},
	{regexp.MustCompile(`(?i)\btells? (whether|that|how|what)\b`), "reports whether, returns"},
	{regexp.MustCompile(`(?i)\bknows? (whether|that|how|what|nothing)\b`), "reports whether, has, does not use"},
	{regexp.MustCompile(`(?i)\b(somebody|whoever|nobody|everybody|anybody|strangers?)\b`), "the user, the caller, an attacker, untrusted"},
	{regexp.MustCompile(`(?i)\b(held against|hold(s|ing)? (it|them|that|this)? ?(to|against))\b`), "checked against, tested against"},
	{regexp.MustCompile(`(?i)\b(lies?|stands?|stood) (in|inside|within|below|beside|for|under)\b`), "is in, represents"},
	{regexp.MustCompile(`(?i)\basked for\b`), "explicit, requested"},
	{regexp.MustCompile(`(?i)\bruler\b`), "counting method"},
	{regexp.MustCompile(`(?i)\bshown less well\b`), "weaker evidence"},
	{regexp.MustCompile(`(?i)\bway out\b`), "hint"},
	{regexp.MustCompile(`(?i)\bis not a wish\b`), "unknown desired state"},
}

// TestWords checks comments, messages and documents for the phrases that this
// project does not use. It reads the comments of all Go files, the string
// literals of those that are not tests, and the Markdown files.
func TestWords(t *testing.T) {
	address := regexp.MustCompile(`https?://[^\s)]+`)
	check := func(path string, line int, text string) {
		text = address.ReplaceAllString(text, "")
		for offset, s := range strings.Split(text, "\n") {
			for _, p := range phrases {
				if found := p.banned.FindString(s); found != "" {
					t.Errorf("%s:%d: %q; write: %s", path, line+offset, found, p.write)
				}
			}
		}
	}
	files := 0
	err := filepath.WalkDir(moduleRoot, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != moduleRoot {
				return filepath.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(moduleRoot, path)
		if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(name, "words_test.go"), name == "CONTRIBUTING.md":
			return nil // the list itself, and the glossary
		case strings.HasSuffix(name, ".md"):
			files++
			text, err := os.ReadFile(path)
			check(name, 1, string(text))
			return err
		case strings.HasSuffix(name, ".go"):
			files++
			return checkGoWords(path, strings.HasSuffix(name, "_test.go"), func(line int, text string) { check(name, line, text) })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("only %d files were checked", files)
	}
}

func checkGoWords(path string, test bool, check func(line int, text string)) error {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, group := range f.Comments {
		check(set.Position(group.Pos()).Line, group.Text())
	}
	if test {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				check(set.Position(lit.Pos()).Line, s)
			}
		}
		return true
	})
	return nil
}
