package diff

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/version"
)

// SQL returns the pattern as a condition on the rows of a table that has a component
// in each: the columns type, namespace, name, version, arch and purl are null where a
// component has nothing, and version_epoch and version_key are [version.Key]. The condition is true for
// what [Pattern.Find] hits, null for its doubts, and false for all else. It differs in
// one respect: Find ignores case where no name of a document is the exact one, and a
// condition on one row cannot.
//
// It is the SQL that DuckDB, ClickHouse, Trino and Spark share; regular expressions,
// which only globs with a slash or brackets need, are those of DuckDB and ClickHouse.
// Strings have no escapes but the doubled quote.
//
// The error, a *[PatternError], is for patterns of paths, which no column has, and for
// texts that not all of these engines end at the same quote.
func (p *Pattern) SQL() (string, error) {
	r := patternReader{text: p.text}
	if p.path != "" {
		return "", r.fail(0, "a path has no condition in SQL: the table has one path of each dependency", "search the reports: depaudit find PATH --in DIR")
	}
	var all []string
	if p.typ != "" {
		all = append(all, "type = "+literal(p.typ))
	}
	if p.name != "" {
		name, err := p.nameSQL()
		if err != nil {
			return "", r.fail(0, err.Error(), "write the alternatives as conditions of their own")
		}
		all = append(all, name)
	}
	for _, q := range p.qualifiers {
		if q[0] == "path" {
			return "", r.fail(strings.Index(p.text, "path="), "a path has no condition in SQL: the table has one path of each dependency", "leave the qualifier out")
		}
		all = append(all, qualifierSQL(q[0], q[1]))
	}
	if p.versions != nil {
		held, err := p.versionSQL()
		if err != nil {
			return "", r.fail(0, err.Error(), "write the alternatives as conditions of their own")
		}
		all = append(all, held)
	}
	condition := "(" + strings.Join(all, "\nAND ") + ")"
	if strings.Contains(condition, `\'`) {
		// ClickHouse and Spark read an escape there: the text would go on, and what
		// follows it in the pattern would be SQL.
		return "", r.fail(0, "a backslash before a quote, or at the end of a name, ends the text in SQL or not, by engine", "search the reports: depaudit find PATTERN --in DIR")
	}
	return condition, nil
}

// versionTypes are the types that have keys, in groups whose versions have equal ones.
func versionTypes() [][]string {
	return [][]string{{"deb", "opkg"}, {"rpm"}, {"apk"}, {"alpm"}, {"pypi"}, {"npm", "cargo"}, {"golang"}, {"gem"}}
}

func (p *Pattern) versionSQL() (string, error) {
	v := p.versions
	if v.typ != "" {
		return v.rangeSQL(), nil
	}
	if p.typ != "" {
		return v.constraintsSQL(p.typ)
	}
	// The same condition for several types is written once.
	var conditions []string
	types := map[string][]string{}
	for _, group := range append(versionTypes(), []string{""}) {
		condition, err := v.constraintsSQL(group[0])
		if err != nil {
			return "", err
		}
		if _, has := types[condition]; !has {
			conditions = append(conditions, condition)
		}
		types[condition] = append(types[condition], group...)
	}
	if len(conditions) == 1 {
		return conditions[0], nil
	}
	var b strings.Builder
	b.WriteString("CASE")
	rest := ""
	for _, condition := range conditions {
		if slices.Contains(types[condition], "") {
			rest = condition
			continue
		}
		fmt.Fprintf(&b, "\n  WHEN %s\n    THEN %s", oneOf("type", types[condition]), condition)
	}
	return b.String() + "\n  ELSE " + rest + "\nEND", nil
}

// Columns of versions.
const (
	versionColumn = "version"
	epochColumn   = "version_epoch" // null in types without
	keyColumn     = "version_key"
)

// constraintsSQL is [versions.holds] as a condition on rows of a type, of which "" is
// any without an order.
func (v *versions) constraintsSQL(typ string) (string, error) {
	var (
		anyEpoch, all []string
		bounds        []bound
		upper         bool
	)
	for _, it := range v.constraints {
		epoch, from, before := version.KeyRange(typ, it.version)
		switch {
		case it.glob:
			condition, err := it.globSQL(typ)
			if err != nil {
				return "", err
			}
			all = append(all, condition)
		case from == "":
			all = append(all, it.textSQL(version.Ordered(typ)))
		case !version.HasEpochs(typ), it.equality() && it.anyEpoch(typ):
			all = append(all, it.between(from, before))
		case it.anyEpoch(typ):
			anyEpoch = append(anyEpoch, it.between(from, before))
			upper = upper || it.upper()
		default:
			bounds = append(bounds, bound{it, epoch, it.between(from, before)})
		}
	}
	// Any epoch is above versions without.
	switch {
	case len(anyEpoch) == 0:
	case upper:
		anyEpoch = append(anyEpoch, "("+epochColumn+" = 0 OR NULL)")
	default:
		anyEpoch = []string{"(" + and(anyEpoch) + " OR " + epochColumn + " > 0 AND NULL)"}
	}
	return and(slices.Concat(anyEpoch, boundsSQL(bounds), all)), nil
}

// between is the constraint on keys, given the range of those that are equal.
func (it constraint) between(from, before string) string {
	from, before = literal(from), literal(before)
	switch it.op {
	case "<":
		return keyColumn + " < " + from
	case "<=":
		return keyColumn + " < " + before
	case ">":
		return keyColumn + " >= " + before
	case ">=":
		return keyColumn + " >= " + from
	case "!=":
		return "(" + keyColumn + " < " + from + " OR " + keyColumn + " >= " + before + ")"
	}
	return keyColumn + " >= " + from + " AND " + keyColumn + " < " + before
}

// bound is a constraint on versions with an epoch, and its condition on the keys of
// those of the same one.
type bound struct {
	constraint
	epoch int64
	key   string
}

// boundsSQL returns conditions that all hold if some bounds do.
func boundsSQL(bounds []bound) []string {
	var out []string
	for _, b := range bounds {
		same := fmt.Sprintf("%s = %d", epochColumn, b.epoch)
		// A range from and to one epoch has no other one.
		ended := slices.ContainsFunc(bounds, func(c bound) bool {
			return c.epoch == b.epoch && !c.equality() && c.upper() != b.upper()
		})
		switch {
		case b.op == "!=":
			out = append(out, fmt.Sprintf("(%s <> %d OR %s)", epochColumn, b.epoch, b.key))
		case b.equality(), ended, b.upper() && b.epoch == 0:
			if !slices.Contains(out, same) {
				out = append(out, same)
			}
			out = append(out, b.key)
		default:
			out = append(out, fmt.Sprintf("(%s %s %d OR %s AND %s)", epochColumn, b.op[:1], b.epoch, same, b.key))
		}
	}
	return out
}

// textSQL is the constraint where only versions of the same text compare. Others are
// known to be other versions if the type has no order; where it has one, their own order
// is not known, and neither is any bound.
func (it constraint) textSQL(ordered bool) string {
	same, not := versionColumn+" = "+literal(it.version), versionColumn+" <> "+literal(it.version)
	known := it.equality() && !ordered
	switch holds := fits(it.op, 0); {
	case known && holds:
		return same
	case known:
		return not
	case holds:
		return "(" + same + " OR NULL)"
	}
	return "(" + not + " AND NULL)"
}

// globSQL is the constraint that the text of a version matches a glob, with its epoch
// or without.
func (it constraint) globSQL(typ string) (string, error) {
	globs, err := alternatives(it.version)
	if err != nil {
		return "", err
	}
	condition := matchSQL(versionColumn, globs)
	if version.HasEpochs(typ) {
		condition = disjunction([]string{condition, matchSQL("regexp_replace("+versionColumn+", '^[0-9]+:', '')", globs)})
	}
	if it.op == "!=" {
		return "NOT (" + condition + ")", nil
	}
	return condition, nil
}

// rangeSQL is [versions.inRange] as a condition on rows of the type.
func (v *versions) rangeSQL() string {
	switch {
	case v.any():
		return "TRUE"
	case !version.Ordered(v.typ):
		return v.textRangeSQL()
	}
	equal := func(it constraint) string { return v.exactly(constraint{op: "=", version: it.version}) }
	var alternatives, all []string
	bounded := map[string]bool{} // versions, of which there is one of each text
	for _, interval := range v.intervals() {
		alternatives = append(alternatives, v.exactly(interval...))
		if first, last := interval[0], interval[len(interval)-1]; len(interval) == 1 || equal(first) != equal(last) {
			bounded[first.version], bounded[last.version] = true, true // else the interval is empty
		}
	}
	included := map[string]bool{} // which a later != does not exclude
	for _, it := range v.constraints {
		equal := equal(it)
		switch it.op {
		case "!=":
			if !included[equal] {
				all = append(all, v.exactly(it))
			}
		case "=", "<=", ">=":
			included[equal] = true
			if !bounded[it.version] {
				alternatives = append(alternatives, equal)
			}
		}
	}
	if len(alternatives) > 0 {
		all = append([]string{disjunction(alternatives)}, all...)
	}
	return and(all)
}

// exactly is the condition that constraints hold for a version as it is written.
func (v *versions) exactly(constraints ...constraint) string {
	var bounds []bound
	var keys []string
	for _, it := range constraints {
		epoch, key := version.Key(v.typ, it.version)
		operator := strings.Replace(it.op, "!=", "<>", 1)
		keys = append(keys, keyColumn+" "+operator+" "+literal(key))
		bounds = append(bounds, bound{it, epoch, keys[len(keys)-1]})
	}
	if version.HasEpochs(v.typ) {
		keys = boundsSQL(bounds)
	}
	return and(keys)
}

// textRangeSQL is a range of a type without an order, in which only equal versions
// compare: a bound is not known for others.
func (v *versions) textRangeSQL() string {
	bound := func(it constraint) bool { return it.op != "=" && it.op != "!=" }
	var b strings.Builder
	b.WriteString("CASE")
	rest, onlyNot := "", true
	for i, it := range v.constraints {
		holds := "FALSE"
		switch {
		case fits(it.op, 0):
			holds = "TRUE"
		case bound(it) && slices.ContainsFunc(v.constraints[i+1:], bound):
			holds = "NULL"
		}
		onlyNot = onlyNot && it.op == "!="
		fmt.Fprintf(&b, " WHEN %s = %s THEN %s", versionColumn, literal(it.version), holds)
		if bound(it) {
			rest = "NULL"
			break
		}
	}
	if rest == "" {
		rest = boolean(onlyNot)
	}
	return b.String() + " WHEN " + versionColumn + " IS NOT NULL THEN " + rest + " END"
}

// qualifierSQL is [hasQualifier] as a condition.
func qualifierSQL(key, value string) string {
	u := packageurl.PackageURL{Type: "generic", Name: "x", Qualifiers: packageurl.Qualifiers{{Key: key, Value: value}}}
	_, text, _ := strings.Cut(u.ToString(), "?")
	has := "position(" + literal("&"+text+"&") + " IN replace(replace(purl, '?', '&'), '#', '&') || '&') > 0"
	if key == "arch" {
		return "coalesce(arch = " + literal(value) + ", " + has + ", FALSE)"
	}
	return "coalesce(" + has + ", FALSE)"
}

// nameSQL is the part of [Pattern.matchesName] about names.
func (p *Pattern) nameSQL() (string, error) {
	// Names of Python projects are normalised in every document, and only a pattern can
	// have another spelling. The characters of a glob are not those of a name.
	python := ecosystem.Python
	if p.glob {
		python = ecosystem.Lower
	}
	folded := *p
	folded.name, folded.namespace = python(p.name), python(p.namespace)
	switch {
	case p.typ == "pypi":
		return folded.matchNameSQL()
	case p.typ != "" || folded.name == p.name && folded.namespace == p.namespace:
		return p.matchNameSQL()
	}
	exact, err := p.matchNameSQL()
	if err != nil {
		return "", err
	}
	other, err := folded.matchNameSQL()
	return disjunction([]string{exact, conjunction([]string{"type = 'pypi'", other})}), err
}

func (p *Pattern) matchNameSQL() (string, error) {
	if p.glob {
		return p.globNameSQL()
	}
	if p.hasSpace {
		return "(" + inNamespace(p.namespace) + " AND name = " + literal(p.name) + ")", nil
	}
	any := []string{"name = " + literal(p.name)}
	if !p.typed {
		return any[0], nil
	}
	// With the namespace, the type or both in front, at each slash.
	for i := range len(p.name) {
		if p.name[i] != '/' || i == 0 || i == len(p.name)-1 {
			continue
		}
		head, tail := p.name[:i], p.name[i+1:]
		any = append(any, inNamespace(head)+" AND name = "+literal(tail))
		switch typ, namespace, ok := strings.Cut(head, "/"); {
		case strings.HasPrefix(head, "@"): // a scope
		case ok:
			any = append(any, "type = "+literal(typ)+" AND "+inNamespace(namespace)+" AND name = "+literal(tail))
		default:
			any = append(any, "type = "+literal(head)+" AND name = "+literal(tail))
		}
	}
	return disjunction(any), nil
}

// inNamespace is false where there is no namespace, and not null.
func inNamespace(namespace string) string {
	return "coalesce(namespace, '') = " + literal(namespace)
}

func (p *Pattern) globNameSQL() (string, error) {
	names, err := alternatives(p.name)
	if err != nil {
		return "", err
	}
	if p.hasSpace {
		spaces, err := alternatives(p.namespace)
		return conjunction([]string{matchSQL("coalesce(namespace, '')", spaces), matchSQL("name", names)}), err
	}
	any := []string{matchSQL("name", names)}
	if !p.typed {
		return any[0], nil
	}
	// Only these match a text with a slash, which a name with a namespace has.
	slashes := slices.DeleteFunc(names, func(glob string) bool { return !strings.Contains(glob, "/") && glob != "**" })
	if len(slashes) > 0 {
		const full = "coalesce(namespace || '/', '') || name"
		any = append(any, matchSQL(full, slashes), matchSQL("type || '/' || "+full, slashes), matchSQL("type || '/' || name", slashes))
	}
	return disjunction(any), nil
}

// matchSQL is the condition that a text matches one of some globs without braces.
func matchSQL(text string, globs []string) string {
	var any, equal []string
	for _, glob := range globs {
		if plain, ok := literalGlob(glob); ok {
			equal = append(equal, plain)
			continue
		}
		if !strings.ContainsAny(glob, `%_\[/`) && glob != "**" {
			like := strings.NewReplacer("**", "%", "*", "%", "?", "_").Replace(glob)
			any = append(any, text+" LIKE "+literal(like)+" AND "+text+" NOT LIKE '%/%'")
			continue
		}
		any = append(any, "regexp_matches("+text+", "+literal(globRegexp(glob))+")")
	}
	if len(equal) > 0 {
		any = append([]string{oneOf(text, equal)}, any...)
	}
	return disjunction(any)
}

// literalGlob returns the only text that a glob matches, if there is only one.
func literalGlob(glob string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '*', '?', '[':
			return "", false
		case '\\':
			i++
		}
		if i < len(glob) {
			b.WriteByte(glob[i])
		}
	}
	return b.String(), true
}

// globRegexp returns a glob of doublestar without braces as a regular expression of
// RE2. ** is more than * only between slashes and the ends.
func globRegexp(glob string) string {
	var b strings.Builder
	b.WriteByte('^')
	whole := strings.Split(glob, "/")
	for i, part := range whole {
		switch last := i == len(whole)-1; {
		case part != "**":
			if i > 0 && whole[i-1] != "**" {
				b.WriteByte('/')
			}
			partRegexp(&b, part)
		case last && i > 0 && whole[i-1] != "**":
			b.WriteString("(/(?s:.*))?") // a/** is also a itself
		case last:
			b.WriteString("(?s:.*)")
		case i > 0 && whole[i-1] != "**":
			b.WriteString("/((?s:.*)/)?")
		default:
			b.WriteString("((?s:.*)/)?")
		}
	}
	return b.String() + "$"
}

// partRegexp writes the part of a glob between two slashes.
func partRegexp(b *strings.Builder, glob string) {
	for len(glob) > 0 {
		switch glob[0] {
		case '*':
			b.WriteString("[^/]*")
			glob = strings.TrimLeft(glob, "*")
			continue
		case '?':
			b.WriteString("[^/]")
		case '[':
			glob = classRegexp(b, glob[1:])
			continue
		case '\\':
			glob = glob[1:]
			fallthrough
		default:
			c, n := utf8.DecodeRuneInString(glob)
			b.WriteString(regexp.QuoteMeta(string(c)))
			glob = glob[n:]
			continue
		}
		glob = glob[1:]
	}
}

// classRegexp writes a class of characters and returns what is behind its end. Each
// character is quoted, but for the hyphen of a range.
func classRegexp(b *strings.Builder, glob string) (rest string) {
	b.WriteByte('[')
	if glob[0] == '!' || glob[0] == '^' {
		b.WriteByte('^')
		glob = glob[1:]
	}
	for low := false; glob != "" && glob[0] != ']'; {
		if low && glob[0] == '-' && len(glob) > 1 && glob[1] != ']' {
			b.WriteByte('-')
			glob, low = glob[1:], false
		} else {
			low = true
		}
		if glob[0] == '\\' {
			glob = glob[1:]
		}
		c, n := utf8.DecodeRuneInString(glob)
		if strings.ContainsRune(`-^[]\`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
		glob = glob[n:]
	}
	b.WriteByte(']')
	return strings.TrimPrefix(glob, "]")
}

// maxAlternatives bounds the globs without braces that are made of one with braces.
// A condition of more of them is longer than a person reads.
const maxAlternatives = 64

// alternatives returns globs without braces that match what a glob matches.
func alternatives(glob string) ([]string, error) {
	out := []string{glob}
	for i := 0; i < len(out); {
		open, parts, end := braces(out[i])
		if open < 0 {
			i++
			continue
		}
		head, tail := out[i][:open], out[i][end+1:]
		var expanded []string
		for _, part := range parts {
			expanded = append(expanded, head+part+tail)
		}
		out = slices.Replace(out, i, i+1, expanded...)
		if len(out) > maxAlternatives {
			return nil, fmt.Errorf("the braces have more than %d alternatives", maxAlternatives)
		}
	}
	return out, nil
}

// braces returns the position of the first brace, the parts between it and its end,
// and the position of that; -1 if there is none.
func braces(glob string) (open int, parts []string, end int) {
	open = -1
	depth, start := 0, 0
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '\\':
			i++
		case c == '{':
			if depth++; depth == 1 {
				open, start = i, i+1
			}
		case depth == 0:
		case c == ',' && depth == 1:
			parts = append(parts, glob[start:i])
			start = i + 1
		case c == '}':
			if depth--; depth == 0 {
				return open, append(parts, glob[start:i]), i
			}
		}
	}
	return -1, nil, 0
}

// literal returns a string of SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func boolean(b bool) string { return strings.ToUpper(strconv.FormatBool(b)) }

// oneOf is the condition that a text is one of some.
func oneOf(text string, values []string) string {
	if len(values) == 1 {
		return text + " = " + literal(values[0])
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = literal(v)
	}
	return text + " IN (" + strings.Join(quoted, ", ") + ")"
}

// and returns the condition that all of some hold, without brackets.
func and(all []string) string { return strings.Join(all, " AND ") }

// conjunction returns the condition that all of some hold.
func conjunction(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return "(" + and(all) + ")"
}

// disjunction returns the condition that one of some holds.
func disjunction(any []string) string {
	if len(any) == 1 {
		return any[0]
	}
	return "(" + strings.Join(any, " OR ") + ")"
}
