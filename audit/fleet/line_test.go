package fleet

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit/terminal"
)

// TestLine compares lines with those of encoding/json, for values that are absent,
// empty, ordinary and hostile in all columns.
func TestLine(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 8))
	texts := []string{"", "libc6", "a&b=<c>", `"quoted" \ `, "#", "##", "a#", "é", "\u202e", "a\u0301\u0301\u0301\u0301\u0301\u0301", "\u0301", "\x00\x1b[31m", "\n", "\x7f", "\xff", "\u2028", "😀", "\ufffd", "' OR 1=1; --"}
	text := func() string {
		var b strings.Builder
		for range random.IntN(3) {
			b.WriteString(texts[random.IntN(len(texts))])
		}
		return b.String()
	}
	var fill func(reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if random.IntN(3) > 0 {
				v.Set(reflect.New(v.Type().Elem()))
				fill(v.Elem())
			}
		case reflect.Slice:
			if n := random.IntN(4); n > 0 {
				v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
				for i := range v.Len() {
					fill(v.Index(i))
				}
			}
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString(text())
		case reflect.Int, reflect.Int64:
			v.SetInt(int64(random.IntN(2000) - 1000))
		case reflect.Bool:
			v.SetBool(random.IntN(2) == 0)
		default:
			t.Fatalf("a column is a %v", v.Type())
		}
	}
	for range 3_000 {
		for _, row := range []any{new(StageNight), new(Dependency)} {
			fill(reflect.ValueOf(row).Elem())
			data, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			want := string(terminal.EscapeJSON(data)) + "\n"
			got, err := appendLine([]byte("before\n"), row)
			if err != nil || string(got) != "before\n"+want {
				t.Fatalf("%v\n%s\nand not\n%s", err, got, want)
			}
		}
	}
}
