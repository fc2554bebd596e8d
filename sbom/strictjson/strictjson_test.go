package strictjson

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

type thing struct {
	Name  string            `json:"name"`
	Count int               `json:"count"`
	Parts []thing           `json:"parts"`
	More  *thing            `json:"more"`
	Tags  map[string]string `json:"tags"`
	Own   Strings           `json:"own"`
}

func TestUnmarshal(t *testing.T) {
	for _, c := range []struct {
		name, data string
		line, col  int
		want       string // "" for none
	}{
		{"plain", `{"name":"a","parts":[{"name":"b"}],"more":{"count":1},"x":{"NAME":1,"name":2},"tags":{"Name":"1","name":"2"}}`, 0, 0, ""},
		{"empty", ``, 1, 1, "is truncated"},
		{"cut", `{"name":"a","parts":[{"na`, 1, 26, "is truncated"},
		{"cut in a number", `{"count":1`, 1, 11, "is truncated"},
		{"syntax", "{\n \"name\": x}", 2, 10, "invalid character 'x'"},
		{"trailing", `{"name":"a"} {"name":"b"}`, 1, 14, "after top-level value"},
		{"twice", "{\"name\":\"a\",\n\"name\":\"b\"}", 2, 1, "twice"},
		{"twice, escaped", `{"name":"a","n\u0061me":"b"}`, 1, 13, "twice"},
		{"twice, where nothing is decoded", `{"x":{"y":1,"y":2}}`, 1, 13, "twice"},
		{"twice, among many", `{"x":{` + manyFields(40) + `"f7":1}}`, 0, 0, "twice"},
		{"other case", `{"name":"a","NAME":"b"}`, 1, 13, `is not "name" by the format`},
		{"other case alone", `{"Name":"b"}`, 1, 2, `is not "name" by the format`},
		{"other case by folding", "{\"part\u017f\":[]}", 1, 2, `is not "parts" by the format`},
		{"other case, deeper", `{"parts":[{"more":{"COUNT":2}}]}`, 1, 20, `is not "count" by the format`},
		{"other type", `{"parts":[{"name":3}]}`, 1, 0, `"parts.name" is a number`},
		{"list", `[]`, 1, 0, "an array where the format has an object"},
		{"not UTF-8", "{\"name\":\"a\xe9\"}", 1, 11, "0xe9 is not UTF-8"},
		{"surrogates", `{"name":"\ud800"}`, 0, 0, ""}, // U+FFFD, which the caller looks for
		{"deep", strings.Repeat(`{"more":`, 300) + "1" + strings.Repeat("}", 300), 1, 0, "nested more than 200"},
		{"deep, undecoded", `{"x":` + strings.Repeat(`[`, 300) + strings.Repeat("]", 300) + "}", 1, 0, "nested more than 200"},
		{"keys", `{"x":{` + someKeys(60_000) + `"y":0}}`, 0, 0, "more than 50000 keys"},
		{"own", `{"own":"a"}`, 0, 0, ""},
		{"null", `{"name":null,"parts":[null],"more":null,"tags":null}`, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v thing
			err := Unmarshal(context.Background(), []byte(c.data), &v)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				var plain thing
				if err := json.Unmarshal([]byte(c.data), &plain); err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(plain, v); diff != "" {
					t.Error(diff)
				}
				return
			}
			var at *Error
			if !errors.As(err, &at) || !strings.Contains(at.Detail, c.want) {
				t.Fatalf("want %q, got %v", c.want, err)
			}
			if c.line != 0 && at.Line != c.line || c.col != 0 && at.Column != c.col {
				t.Errorf("at %d:%d, want %d:%d: %v", at.Line, at.Column, c.line, c.col, err)
			}
		})
	}
}

// TestUnmarshalKnown checks that one of our documents is refused, with the place, if
// another reader could read something else.
func TestUnmarshalKnown(t *testing.T) {
	for _, c := range []struct{ data, want string }{ // "" for none
		{`{"name":"a\u00e9\ud83d\ude00","parts":[{"name":"b"}],"more":{"count":1},"tags":{"x":"1"},"own":"a"}`, ""},
		{"{\n  \"name\": \"a  b\",\n  \"parts\": [\n    {\n      \"count\": 3\n    }\n  ]\n}\n", ""},
		{"{\n  \"parts\": [\n    {\n      \"counts\": 3\n    }\n  ]\n}\n", `line 4, column 7: unknown field "counts"`},
		{"{\n  \"parts\": [\n    {\n      \"name\": 3\n    }\n  ]\n}\n", `line 4, column 15: "parts.name" is a number where the format has another type`},
		{"{\n  \"parts\": [\n    {\n      \"Count\": 3\n    }\n  ]\n}\n", `line 4, column 7: the key "Count" is not "count" by the format`},
		{"{\n  \"count\": 1,\n  \"name\": \"\",\n  \"count\": 2}", `line 4, column 3: the key "count" is in one object twice`},
		{`{"name":"a","tags":{"x":"1","x":"2"}}`, `line 1, column 29: the key "x" is in one object twice`},
		{`{"name":"a \ude00"}`, `line 1, column 12: half of a surrogate pair`},
		{`{"tags":{"\ud800":""}}`, `line 1, column 11: half of a surrogate pair`},
		{"{\"name\":\"\xff\"}", `line 1, column 10: the byte 0xff is not UTF-8`},
		{`{"name":"a"} {}`, `line 1, column 14: not JSON: invalid character '{' after top-level value`},
		{`{"name":"a"`, `line 1, column 12: the document is truncated`},
		{`{"name":"a\`, `line 1, column 12: the document is truncated`},
		{"{\"name\":\"a\xc3", `line 1, column 12: the document is truncated`},
		{`{"name":"a",}`, `line 1, column 13: not JSON: invalid character '}'`},
		{"\ufeff{}", `line 1, column 1: not JSON: invalid character`},
	} {
		var known Known
		for range 2 { // the second time the types are known
			var got, want thing
			err := known.Unmarshal(t.Context(), []byte(c.data), &got)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%q: %v, want %s", c.data, err, c.want)
				}
				if strings.Contains(c.want, "unknown field") != errors.Is(err, ErrUnknownField) {
					t.Errorf("%q: the cause is %v", c.data, errors.Unwrap(err))
				}
				continue
			}
			if err := cmp.Or(err, json.Unmarshal([]byte(c.data), &want)); err != nil {
				t.Errorf("%q: %v", c.data, err)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

type embedded struct {
	skipped
	Above string `json:"above"`
	Again string `json:"again"`
}

type skipped struct {
	Deep   int `json:"deep"`
	Again  int `json:"again"`
	Hidden int `json:"-"`
	Plain  int
}

// TestEmbedded checks that the fields of embedded structs are known, as encoding/json
// decodes them.
func TestEmbedded(t *testing.T) {
	var v embedded
	if err := UnmarshalKnown(t.Context(), []byte(`{"above":"a","deep":1,"Plain":2,"again":"b"}`), &v); err != nil || v.Above != "a" || v.Deep != 1 || v.Plain != 2 || v.Again != "b" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, bad := range []string{`{"Hidden":1}`, `{"-":1}`, `{"skipped":{}}`, `{"Deep":1}`, `{"deep":1,"deep":1}`, `{"again":"a","again":"b"}`, `{"again":"a","above":"","again":"b"}`} {
		if err := UnmarshalKnown(t.Context(), []byte(bad), new(embedded)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// TestManyFields has a struct of more fields than the walker has bits for.
func TestManyFields(t *testing.T) {
	var fields []reflect.StructField
	for i := range 70 {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int]()})
	}
	v := reflect.New(reflect.StructOf(fields)).Interface()
	for _, i := range []int{0, 63, 64, 69} {
		one := fmt.Sprintf(`{"F%d":1,"F5":2}`, i)
		if err := UnmarshalKnown(t.Context(), []byte(one), v); err != nil {
			t.Errorf("%s: %v", one, err)
		}
		two := fmt.Sprintf(`{"F%d":1,"F5":2,"F%d":1}`, i, i)
		if err := UnmarshalKnown(t.Context(), []byte(two), v); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", two, err)
		}
	}
}

// TestCheckIsValid checks that the walker accepts as JSON what encoding/json does, for
// texts of all kinds of tokens and every text that is cut.
func TestCheckIsValid(t *testing.T) {
	check := func(text string) bool {
		t.Helper()
		w := walker{ctx: t.Context(), data: []byte(text)}
		err := w.document(nil)
		valid := json.Valid([]byte(text))
		if err == nil && !valid || err != nil && valid && !strings.Contains(err.Error(), "twice") {
			t.Errorf("%q is valid: %v, and %v", text, valid, err)
		}
		return err == nil
	}
	const whole = ` {"a":[1,-0.5e+3,"x\u0041\n\ud83d\ude00",true,false,null,{},[] ], "b":{"":""}, "c":-0 } `
	for i := range whole {
		if check(whole[:i]) && i > 0 && i < len(whole)-1 {
			t.Errorf("%q is accepted", whole[:i])
		}
	}
	pieces := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"b":`, " ", "\n", "1", "-", "0", "01", ".", "e", "E+", "5", "true", "fals", "false", "null", "nul", `"\u00e9"`, `"\x"`, `"\u00g0"`, "\"\t\"", `"\ud800"`, `"`, "\\", "\x00", "\x7f"}
	random := rand.New(rand.NewPCG(1, 2))
	valid := 0
	for range 30_000 {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		if check(b.String()) {
			valid++
		}
	}
	if valid < 300 {
		t.Errorf("only %d texts were JSON", valid)
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"f` + string(rune('0'+i%10)) + strings.Repeat("x", i/10) + `":0,`)
	}
	return b.String()
}

func someKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":0,`, i)
	}
	return b.String()
}

// TestMemory checks the limit: a list of empty objects is small as text and large
// in memory.
func TestMemory(t *testing.T) {
	data := `{"parts":[` + strings.Repeat("{},", 10_000_000) + `{}]}`
	err := Unmarshal(context.Background(), []byte(data), new(thing))
	if err == nil || !strings.Contains(err.Error(), "of memory (limit)") {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Unmarshal(ctx, []byte(`{"name":"a"}`), new(thing)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTop(t *testing.T) {
	top, err := Top(context.Background(), []byte(` { "a" : {"a":[1, 2]} , "b":"x","c":-1.5e3}`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for k, v := range top {
		got[k] = string(v)
	}
	if diff := gocmp.Diff(map[string]string{"a": `{"a":[1, 2]}`, "b": `"x"`, "c": "-1.5e3"}, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `[1]`, `{`, ``, "{\"\xff\":1}"} {
		if _, err := Top(context.Background(), []byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestSame(t *testing.T) {
	const a = `{"a":[1,"x",{"b":null,"bb":{}}],"c":1.0,"":"1"}`
	for b, want := range map[string]bool{
		a: true,
		"{ \"a\": [1, \"\\u0078\", {\"b\": null,\"bb\":{}}],\n\"c\": 1.0, \"\":\"1\"}": true,
		`{"":"1","c":1.0,"a":[1,"x",{"bb":{},"b":null}]}`:                              true,

		`{"a":[1,"x",{"b":null,"bb":{}}],"c":1,"":"1"}`:         false, // another number
		`{"a":[1,"x",{"b":null,"bb":{}}],"c":"1.0","":"1"}`:     false, // a string
		`{"a":["x",1,{"b":null,"bb":{}}],"c":1.0,"":"1"}`:       false, // another order of a list
		`{"a":[1,"x",{"b":null,"bb":[]}],"c":1.0,"":"1"}`:       false,
		`{"a":[1,"x",{"b":"null","bb":{}}],"c":1.0,"":"1"}`:     false,
		`{"a":[1,"x",{"b":null,"bb":{}}],"c":1.0,"":"1","d":0}`: false,
		`{"a":[1,"x",{"b":null,"bb":{}}],"c":1.0}`:              false,
		`{"a":[1,"x"],"b":null,"bb":{},"c":1.0,"":"1"}`:         false,
		`{"c":[1,"x",{"b":null,"bb":{}}],"a":1.0,"":"1"}`:       false, // values of other keys
		a + "1": false, a + "}": false, `{"a":[1,"x",{"b":null,"bb":{}}]`: false, `{"a"`: false, ``: false, `]`: false,
	} {
		if got := Same([]byte(a), []byte(b)); got != want {
			t.Errorf("%s: %v", b, got)
		}
		if got := Same([]byte(b), []byte(a)); got != want {
			t.Errorf("%s, reversed: %v", b, got)
		}
	}
	// A text that is not JSON is equal to no other one.
	if Same([]byte(`{"a":1,`), []byte(`{"a":1,"b"`)) {
		t.Error("two broken texts are the same")
	}
}

// FuzzUnmarshal checks that an accepted document is decoded as by encoding/json,
// and that no object has a key twice, by an independent parser.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{`{"name":"a","parts":[{"name":"b"}]}`, `{"Name":1}`, `{"a":1,"a":2}`, `[[`, `{"x":"\u0000\\\""}`, "\xff", `{"own":["a"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want thing
		err := Unmarshal(context.Background(), data, &got)
		if _, topErr := Top(context.Background(), data); err == nil && topErr != nil && strings.HasPrefix(strings.TrimLeft(string(data), " \t\r\n"), "{") {
			t.Errorf("decoded, but %v", topErr)
		}
		if err != nil {
			if at := (*Error)(nil); !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || at.Offset > int64(len(data)) {
				t.Errorf("no place: %v", err)
			}
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if valid := json.Valid(data); !valid {
			t.Errorf("%q was decoded", data)
		}
		if twice(json.NewDecoder(strings.NewReader(string(data)))) {
			t.Errorf("%q has a key twice", data)
		}
	})
}

// twice reports whether an object has a key twice.
func twice(d *json.Decoder) bool {
	type level struct {
		keys  map[string]bool
		isKey bool
	}
	var stack []level
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		n := len(stack) - 1
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:n]
			continue
		}
		if n >= 0 && stack[n].keys != nil {
			if stack[n].isKey {
				if stack[n].keys[token.(string)] {
					return true
				}
				stack[n].keys[token.(string)] = true
				stack[n].isKey = false
				continue
			}
			stack[n].isKey = true
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{map[string]bool{}, true})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
