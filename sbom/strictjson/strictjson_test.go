package strictjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
				if diff := cmp.Diff(plain, v); diff != "" {
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
	if diff := cmp.Diff(map[string]string{"a": `{"a":[1, 2]}`, "b": `"x"`, "c": "-1.5e3"}, got); diff != "" {
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
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
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
