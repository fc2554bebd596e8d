package diff

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// sqlRow is a row of the table, without the columns that are null.
type sqlRow map[string]any // string or int64

// sqlValue is what an expression is for a row: nil, a bool, a string or an int64.
type sqlValue func(sqlRow) any

// parseSQL reads what [Pattern.SQL] writes about versions, with the precedence of SQL,
// so that a test can compare a condition with thousands of rows and no database. DuckDB
// reads the same conditions in an end-to-end test.
func parseSQL(text string) (value sqlValue, err error) {
	p := sqlParser{tokens: regexp.MustCompile(`'(?:[^']|'')*'|[A-Za-z_]+|[0-9]+|<>|<=|>=|\S`).FindAllString(text, -1)}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v in %s", r, text)
		}
	}()
	value = p.or()
	if len(p.tokens) > 0 {
		panic("unexpected " + p.tokens[0])
	}
	return value, nil
}

type sqlParser struct{ tokens []string }

func (p *sqlParser) next() string {
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *sqlParser) is(words ...string) bool {
	if len(p.tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if p.tokens[i] != w {
			return false
		}
	}
	p.tokens = p.tokens[len(words):]
	return true
}

func (p *sqlParser) expect(word string) {
	if !p.is(word) {
		panic("no " + word + " before " + strings.Join(p.tokens, " "))
	}
}

// or is the disjunction of conjunctions: true if one is, else null if one is.
func (p *sqlParser) or() sqlValue { return p.chain("OR", true, p.and) }

func (p *sqlParser) and() sqlValue { return p.chain("AND", false, p.not) }

func (p *sqlParser) chain(word string, decides bool, operand func() sqlValue) sqlValue {
	all := []sqlValue{operand()}
	for p.is(word) {
		all = append(all, operand())
	}
	if len(all) == 1 {
		return all[0]
	}
	return func(r sqlRow) any {
		var out any = !decides
		for _, v := range all {
			switch v := v(r); v {
			case decides:
				return decides
			case nil:
				out = nil
			case !decides:
			default:
				panic("no condition")
			}
		}
		return out
	}
}

func (p *sqlParser) not() sqlValue {
	if !p.is("NOT") {
		return p.comparison()
	}
	v := p.not()
	return func(r sqlRow) any {
		if v := v(r); v != nil {
			return !v.(bool)
		}
		return nil
	}
}

func (p *sqlParser) comparison() sqlValue {
	a := p.operand()
	// of is a function of two values of one type that are not null.
	of := func(b sqlValue, f func(x, y any) bool) sqlValue {
		return func(r sqlRow) any {
			x, y := a(r), b(r)
			if x == nil || y == nil {
				return nil
			}
			return f(x, y)
		}
	}
	compare := func(x, y any) int {
		if n, ok := x.(int64); ok {
			return cmp.Compare(n, y.(int64))
		}
		return strings.Compare(x.(string), y.(string))
	}
	like := func(x, y any) bool { return likeRegexp(y.(string)).MatchString(x.(string)) }
	switch {
	case p.is("NOT", "LIKE"):
		return of(p.operand(), func(x, y any) bool { return !like(x, y) })
	case p.is("LIKE"):
		return of(p.operand(), like)
	case p.is("IS", "NOT", "NULL"):
		return func(r sqlRow) any { return a(r) != nil }
	case p.is("IN", "("):
		list := []sqlValue{p.operand()}
		for p.is(",") {
			list = append(list, p.operand())
		}
		p.expect(")")
		return func(r sqlRow) any {
			for _, v := range list {
				if v(r) == a(r) {
					return true
				}
			}
			return false
		}
	}
	for op, fits := range map[string]func(int) bool{
		"=": func(n int) bool { return n == 0 }, "<>": func(n int) bool { return n != 0 },
		"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 },
		">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
	} {
		if p.is(op) {
			return of(p.operand(), func(x, y any) bool { return fits(compare(x, y)) })
		}
	}
	return a
}

func likeRegexp(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^(?s:" + strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(pattern)) + ")$")
}

func (p *sqlParser) operand() sqlValue {
	constant := func(v any) sqlValue { return func(sqlRow) any { return v } }
	switch t := p.next(); {
	case t == "(":
		v := p.or()
		p.expect(")")
		return v
	case t == "CASE":
		return p.cases()
	case t == "NULL":
		return constant(nil)
	case t == "TRUE", t == "FALSE":
		return constant(t == "TRUE")
	case t[0] == '\'':
		return constant(strings.ReplaceAll(t[1:len(t)-1], "''", "'"))
	case t[0] >= '0' && t[0] <= '9':
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			panic(err)
		}
		return constant(n)
	case t == "regexp_replace", t == "regexp_matches":
		p.expect("(")
		text := p.operand()
		p.expect(",")
		pattern := regexp.MustCompile(p.operand()(nil).(string))
		if t == "regexp_replace" {
			p.expect(",")
			p.expect("''")
		}
		p.expect(")")
		return func(r sqlRow) any {
			switch v := text(r); {
			case v == nil:
				return nil
			case t == "regexp_replace":
				return pattern.ReplaceAllString(v.(string), "")
			default:
				return pattern.MatchString(v.(string))
			}
		}
	case strings.Contains(" type name version version_epoch version_key ", " "+t+" "):
		return func(r sqlRow) any { return r[t] }
	default:
		panic("unexpected " + t)
	}
}

func (p *sqlParser) cases() sqlValue {
	type when struct{ condition, value sqlValue }
	var list []when
	for p.is("WHEN") {
		w := when{condition: p.or()}
		p.expect("THEN")
		w.value = p.or()
		list = append(list, w)
	}
	rest := func(sqlRow) any { return nil }
	if p.is("ELSE") {
		rest = p.or()
	}
	p.expect("END")
	return func(r sqlRow) any {
		for _, w := range list {
			if w.condition(r) == true {
				return w.value(r)
			}
		}
		return rest(r)
	}
}
