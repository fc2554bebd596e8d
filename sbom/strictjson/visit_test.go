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

// builder builds what encoding/json decodes into an any.
type builder struct {
	data  string
	stack []*[]any // what an object or array holds so far; keys and values of an object
	keys  []bool   // whether it is an object
	root  []any
}

func (b *builder) add(v any) error {
	to := &b.root
	if n := len(b.stack); n > 0 {
		to = b.stack[n-1]
	}
	*to = append(*to, v)
	return nil
}

func (b *builder) begin(offset int, first byte) error {
	if b.data[offset] != first {
		return fmt.Errorf("offset %d is %q", offset, b.data[offset])
	}
	b.stack, b.keys = append(b.stack, &[]any{}), append(b.keys, first == '{')
	return nil
}

func (b *builder) BeginObject(offset int) error { return b.begin(offset, '{') }
func (b *builder) BeginArray(offset int) error  { return b.begin(offset, '[') }

func (b *builder) Key(offset int, key string) error { return b.String(offset, key) }

func (b *builder) String(offset int, s string) error {
	if b.data[offset] != '"' {
		return fmt.Errorf("offset %d is %q", offset, b.data[offset])
	}
	return b.add(s)
}

func (b *builder) Scalar(offset int, text string) error {
	if !strings.HasPrefix(b.data[offset:], text) {
		return fmt.Errorf("offset %d is not %q", offset, text)
	}
	switch text {
	case "null":
		return b.add(nil)
	case "true", "false":
		return b.add(text == "true")
	}
	return b.add(json.Number(text))
}

func (b *builder) End() error {
	n := len(b.stack) - 1
	list, object := *b.stack[n], b.keys[n]
	b.stack, b.keys = b.stack[:n], b.keys[:n]
	if !object {
		return b.add(list)
	}
	m := map[string]any{}
	for i := 0; i < len(list); i += 2 {
		m[list[i].(string)] = list[i+1]
	}
	return b.add(m)
}

// checkVisit checks that a visitor receives what encoding/json decodes.
func checkVisit(t *testing.T, data string) error {
	t.Helper()
	b := &builder{data: data}
	if err := Visit(context.Background(), []byte(data), b); err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		t.Fatalf("visited, but %v: %q", err, data)
	}
	if diff := cmp.Diff([]any{want}, b.root); diff != "" {
		t.Errorf("%q (-encoding/json +visitor)\n%s", data, diff)
	}
	return nil
}

func TestVisit(t *testing.T) {
	for data, want := range map[string]string{
		`{"a":[1,-2.5e3,"x\u0041\n\ud83d\ude00",true,false,null,{},[]],"b":{"a":{"a":""}}}`: "",
		`3`:                       "",
		` "a" `:                   "",
		`{"a":1,"\u0061":2}`:      "twice",
		`{"x":{"a":1,"a":2}}`:     "twice",
		`["\ud83d"]`:              "half of a surrogate pair",
		`["\ude00\ud83d"]`:        "half of a surrogate pair",
		`["\ud83d\u0041"]`:        "half of a surrogate pair",
		`["\ud83dx"]`:             "half of a surrogate pair",
		`{"\ud83d":1,"\ud83e":2}`: "half of a surrogate pair",
		`["\\ud83d"]`:             "",
		"[\"\xff\"]":              "is not UTF-8",
		`[1`:                      "is truncated",
		`[1]]`:                    "after top-level value",
		strings.Repeat("[", 300) + strings.Repeat("]", 300):   "nested more than",
		`{` + strings.TrimSuffix(someKeys(60_000), ",") + `}`: "", // the visitor counts
	} {
		err := checkVisit(t, data)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80q: error %v, want %q", data, err, want)
		}
	}
}

type refusing struct{ builder }

var errRefused = errors.New("refused")

func (r *refusing) Scalar(int, string) error { return errRefused }

func TestVisitorEnds(t *testing.T) {
	if err := Visit(t.Context(), []byte(`{"a":[1,2]}`), &refusing{builder{data: `{"a":[1,2]}`}}); !errors.Is(err, errRefused) {
		t.Errorf("error %v", err)
	}
}

func FuzzVisit(f *testing.F) {
	f.Add(`{"a":[1,-2.5e3,"x\u0041\n\ud83d\ude00",true,false,null,{},[]]}`)
	f.Add(`["\ud83d"]`)
	f.Fuzz(func(t *testing.T, data string) { _ = checkVisit(t, data) })
}

func TestMembers(t *testing.T) {
	got, err := Members([]byte(` {"a": [1, 2] ,"A":{"x":1,"x":2},"\u0062":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]json.RawMessage{"a": json.RawMessage(`[1, 2]`), "A": json.RawMessage(`{"x":1,"x":2}`), "b": json.RawMessage("null")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for data, want := range map[string]string{`{"a":1,"a":2}`: "twice", `[]`: "not a JSON object", ``: "is truncated", `{} {}`: "after top-level value"} {
		if _, err := Members([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", data, err, want)
		}
	}
}
