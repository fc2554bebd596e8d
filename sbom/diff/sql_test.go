package diff

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

// globAsSQL evaluates what matchSQL writes, without a database.
func globAsSQL(t *testing.T, glob, text string) bool {
	t.Helper()
	globs, err := alternatives(glob)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range globs {
		re, err := regexp.Compile(globRegexp(g))
		if err != nil {
			t.Fatalf("%s: %v", glob, err)
		}
		if re.MatchString(text) {
			return true
		}
	}
	return false
}

// TestGlobRegexp compares regular expressions with the globs that they are made of,
// but for ** beside other characters, of which the library makes * or not.
func TestGlobRegexp(t *testing.T) {
	pieces := strings.Fields(`a b lib z5 / / * * ** ** ? . + - _ % {a,b} {a,} {lib,{z5,b}} [a-c] [!a] [^b-z] [a-] [.+] [\]a] \* \{ é`)
	letters := strings.Fields(`a b c lib z5 / / . + - _ % * { ] é`)
	odd := regexp.MustCompile(`[^/]\*\*|\*\*[^/]`)
	join := func(r *rand.Rand, list []string, n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(list[r.IntN(len(list))])
		}
		return b.String()
	}
	r := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for range 30_000 {
		glob, text := join(r, pieces, 6), join(r, letters, 6)
		if !doublestar.ValidatePattern(glob) || text == "" || odd.MatchString(glob) || strings.HasSuffix(glob, "/") {
			continue
		}
		want, _ := doublestar.Match(glob, text)
		if got := globAsSQL(t, glob, text); got != want {
			t.Errorf("%s matches %q: %v, want %v", glob, text, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 300 {
		t.Errorf("only %d matches", matched)
	}
}

// balanced reports whether a text of SQL is one condition in brackets: no text of a
// pattern ends its string, and no bracket of it closes the first one.
func balanced(sql string) bool {
	depth, quoted := 0, false
	for i, c := range sql {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i == len(sql)-1
			}
		case c == ';', c == '-', c == '"', depth == 0:
			return false
		}
	}
	return false
}

// TestSQLAlone checks that a condition can be a part of any other one, whatever the
// pattern has.
func TestSQLAlone(t *testing.T) {
	for _, pattern := range []string{
		"x", "x');DROP--", "'", "x@'", "x?a='&b=' OR 1=1", "pkg:npm/%27%20OR%201=1", "{a',b'}*", "[']", `\'*`, "x@!='", "x@!=5*", "vers:maven/'|!=''", "vers:maven/>=1|<'2", "a/b'/c",
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		sql, err := p.SQL()
		if err != nil {
			t.Fatal(err)
		}
		if !balanced(sql) {
			t.Errorf("%s: not one condition: %s", pattern, sql)
		}
	}
}

// TestSQLBackslash refuses what engines with escapes in strings would read as the end of
// another text than the pattern's.
func TestSQLBackslash(t *testing.T) {
	for pattern, refused := range map[string]bool{
		`x\\`: true, `{a\\,b}`: true, `{a\\,/**/OR/**/1=1}`: true, `x\\'y`: true, `x@=1\`: true, `pkg:npm/x%5C`: true,
		`x\\y`: false, `x\'y`: false, `x\*y`: false, `a.b/c*`: false,
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			continue // which is as good
		}
		if sql, err := p.SQL(); (err != nil) != refused {
			t.Errorf("%s: %s, %v", pattern, sql, err)
		}
	}
}
