package fleet

import (
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/depaudit/depaudit/audit/terminal"
)

// appendLine appends a row, a pointer to one of the structs of this package, as a
// line. It is what json.Marshal and [terminal.EscapeJSON] make of it, in a third of
// the time: nearly every value is a short string of printing ASCII, or null.
func appendLine(to []byte, row any) ([]byte, error) {
	v := reflect.ValueOf(row).Elem()
	for i, name := range columnsOf(v.Type()) {
		to = append(to, name...)
		var err error
		if to, err = appendValue(to, v.Field(i)); err != nil {
			return nil, err
		}
	}
	return append(to, "}\n"...), nil
}

// The text before each value of a row: a brace or a comma, its name and a colon.
var (
	stageColumns      = separators(StageTable)
	dependencyColumns = separators(DependencyTable)
)

func columnsOf(row reflect.Type) []string {
	if row == rowOf(DependencyTable) {
		return dependencyColumns
	}
	return stageColumns
}

func separators(table string) []string {
	var out []string
	before := `{"`
	for _, c := range Columns(table) {
		out = append(out, before+c.Name+`":`)
		before = `,"`
	}
	return out
}

func appendValue(to []byte, v reflect.Value) ([]byte, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(to, "null"...), nil
		}
		return appendValue(to, v.Elem())
	case reflect.String:
		return appendString(to, v.String())
	case reflect.Int, reflect.Int64:
		return strconv.AppendInt(to, v.Int(), 10), nil
	case reflect.Bool:
		return strconv.AppendBool(to, v.Bool()), nil
	case reflect.Slice:
		if v.Len() == 0 && !v.IsNil() {
			return append(to, "[]"...), nil
		}
	}
	return appendJSON(to, v.Interface())
}

func appendString(to []byte, s string) ([]byte, error) {
	begin := len(to)
	to = append(to, '"')
	done := 0
	for i := range len(s) {
		escape := escapes[s[i]]
		switch escape {
		case "":
			continue
		case other:
			return appendJSON(to[:begin], s)
		}
		to = append(append(to, s[done:i]...), escape...)
		done = i + 1
	}
	return append(append(to, s[done:]...), '"'), nil
}

func appendJSON(to []byte, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	return append(to, terminal.EscapeJSON(data)...), err
}

// other is the escape of bytes that are not written here.
const other = "other"

// escapes has the escape of each byte in a string of JSON, empty for one that is itself.
// Beside what is no printing ASCII, other is for the # that [terminal.EscapeJSON] does
// not always keep.
var escapes = func() (out [256]string) {
	for b := range out {
		out[b] = other
	}
	for b := ' '; b <= '~'; b++ {
		out[b] = ""
	}
	out['"'], out['\\'], out['#'] = `\"`, `\\`, other
	out['<'], out['>'], out['&'] = `\u003c`, `\u003e`, `\u0026`
	return out
}()
