// Package strictjson reads untrusted JSON so that every reader of the document
// reads the same.
//
// encoding/json takes the last of two equal keys, takes "NAME" for "name" and
// replaces bytes that are not UTF-8. Other readers take the first key, know one
// spelling, or fail. A document that exploits the difference shows one package
// to its reviewer and another one to the gate; [Unmarshal] refuses it.
//
// It walks over the document once, together with the type of the result, before
// encoding/json decodes it: every object has each of its keys once, and no key
// differs only by case from a key that is decoded. Keys that the type does not
// have must be unique and are ignored otherwise. The memory that decoding takes
// is added up on the way, so that a list of a million empty objects is refused
// before a million large structs are allocated for it.
//
// [Unmarshal] decodes into a type, [Top] and [Members] split an object, and
// [Visit] is for readers that need the place of every value.
package strictjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth is the depth of nesting. Documents nest some ten deep; only
	// components in components have no bound of their own.
	maxDepth = 200

	// MaxMemory is the size of the decoded structs and strings. Lists grow by
	// copying while they are decoded, so the peak is about twice that. Real
	// documents with 300,000 packages take less than half of it.
	MaxMemory = 448 << 20

	// maxKeys is the number of keys of one object: the fields of a format, or
	// the entries of a table; lists have no keys.
	maxKeys = 50_000

	// stringSize is the size of a string without its bytes.
	stringSize = 16
)

// Error is a fault of a document and its place.
type Error struct {
	Line, Column int // from 1; the column counts bytes
	Offset       int64
	Detail       string
	Err          error // the cause; may be nil
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Detail)
}

func (e *Error) Unwrap() error { return e.Err }

// At returns an error about the byte of data at offset.
func At(data []byte, offset int64, format string, args ...any) *Error {
	offset = max(0, min(offset, int64(len(data))))
	before := data[:offset]
	line := bytes.Count(before, []byte{'\n'}) + 1
	err := fmt.Errorf(format, args...)
	return &Error{
		Line: line, Column: len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1,
		Offset: offset, Detail: err.Error(), Err: errors.Unwrap(err),
	}
}

// Unmarshal decodes data into v, a pointer. Below a type that implements
// json.Unmarshaler only repeated keys are found: its fields are unknown here.
func Unmarshal(ctx context.Context, data []byte, v any) error {
	if err := UTF8(data); err != nil {
		return err
	}
	// Syntax first: the walk below relies on it.
	if !json.Valid(data) {
		return position(data, json.Unmarshal(data, new(struct{})))
	}
	w := walker{ctx: ctx, data: data, fields: map[reflect.Type][]field{}}
	if err := w.value(reflect.TypeOf(v)); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return position(data, err)
	}
	return ctx.Err()
}

// UTF8 returns an error for the first byte that is not UTF-8.
func UTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return At(data, int64(i), "the byte 0x%02x is not UTF-8", data[i])
		}
		i += size
	}
}

// position adds line and column to an error of encoding/json.
func position(data []byte, err error) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Error(), "unexpected end"):
		return At(data, int64(len(data)), "the document is truncated")
	case errors.As(err, &syntax):
		return At(data, syntax.Offset-1, "not JSON: %v", quoteless(err))
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return At(data, mismatch.Offset, "%s where the format has an object", kindOf(mismatch))
	case errors.As(err, &mismatch):
		return At(data, mismatch.Offset, "%q is %s where the format has another type", mismatch.Field, kindOf(mismatch))
	}
	return At(data, 0, "%w", err)
}

// kindOf returns the JSON type of the value that did not fit, with its article.
func kindOf(e *json.UnmarshalTypeError) string {
	kind, _, _ := strings.Cut(e.Value, " ") // "number 1.5"
	if kind == "array" || kind == "object" {
		return "an " + kind
	}
	return "a " + kind
}

func quoteless(err error) string { return strings.TrimPrefix(err.Error(), "json: ") }

// walker walks over valid JSON.
type walker struct {
	ctx    context.Context
	data   []byte
	at     int
	depth  int
	memory int64
	count  int
	fields map[reflect.Type][]field
	// top collects the members of the outermost object, unless it is nil.
	top map[string]json.RawMessage
	// shallow does not check the keys of the objects below the outermost one.
	shallow bool
	// visitor receives what is walked over, unless it is nil.
	visitor Visitor
}

type field struct {
	name string
	typ  reflect.Type
}

func (w *walker) fail(offset int, format string, args ...any) error {
	return At(w.data, int64(offset), format, args...)
}

func (w *walker) take(offset int, n int64) error {
	w.memory += n
	if w.memory > MaxMemory {
		return w.fail(offset, "the document would take more than %d MiB of memory (limit)", MaxMemory>>20)
	}
	return nil
}

func (w *walker) space() {
	for {
		switch w.data[w.at] {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return
		}
	}
}

// value walks over one value, which is decoded into a t; nil when it is not
// decoded.
func (w *walker) value(t reflect.Type) error {
	w.space()
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != nil && reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		t = nil
	}
	switch w.data[w.at] {
	case '{':
		return w.object(t)
	case '[':
		return w.array(t)
	case '"':
		place := w.at
		s := w.text()
		if w.visitor != nil {
			if err := w.surrogates(place); err != nil {
				return err
			}
			return w.visitor.String(place, string(s))
		}
		if t != nil && t.Kind() == reflect.String {
			return w.take(place, stringSize+int64(w.at-place))
		}
	default:
		place := w.at
		for w.at < len(w.data) && !strings.ContainsRune(",]} \t\r\n", rune(w.data[w.at])) {
			w.at++
		}
		if w.visitor != nil {
			return w.visitor.Scalar(place, string(w.data[place:w.at]))
		}
	}
	return nil
}

// surrogates returns an error for half of a surrogate pair in the string that
// began at place and ends here.
func (w *walker) surrogates(place int) error {
	if i := surrogates(w.data[place:w.at]); i >= 0 {
		return w.fail(place+i, "half of a surrogate pair")
	}
	return nil
}

func (w *walker) enter() error {
	w.at++
	if w.depth++; w.depth > maxDepth {
		return w.fail(w.at-1, "nested more than %d deep (limit)", maxDepth)
	}
	if w.count++; w.count%(1<<16) == 0 {
		return w.ctx.Err()
	}
	return nil
}

func (w *walker) array(t reflect.Type) error {
	var elem reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		elem = t.Elem()
	}
	if w.visitor != nil {
		if err := w.visitor.BeginArray(w.at); err != nil {
			return err
		}
	}
	if err := w.enter(); err != nil {
		return err
	}
	for w.space(); w.data[w.at] != ']'; w.space() {
		if w.data[w.at] == ',' {
			w.at++
		}
		if elem != nil && elem.Kind() != reflect.Struct { // a struct is counted as an object
			if err := w.take(w.at, int64(elem.Size())); err != nil {
				return err
			}
		}
		if err := w.value(elem); err != nil {
			return err
		}
	}
	return w.leave()
}

// leave steps over the end of an object or array.
func (w *walker) leave() error {
	w.at++
	w.depth--
	if w.visitor != nil {
		return w.visitor.End()
	}
	return nil
}

func (w *walker) object(t reflect.Type) error {
	start := w.at
	var known []field
	var each reflect.Type
	switch {
	case t == nil:
	case t.Kind() == reflect.Struct:
		known = w.fieldsOf(t)
		if err := w.take(start, int64(t.Size())); err != nil {
			return err
		}
	case t.Kind() == reflect.Map:
		each = t.Elem()
	}
	if w.visitor != nil {
		if err := w.visitor.BeginObject(start); err != nil {
			return err
		}
	}
	if err := w.enter(); err != nil {
		return err
	}
	var seen keys
	n := 0
	for w.space(); w.data[w.at] != '}'; w.space() {
		if w.data[w.at] == ',' {
			w.at++
			w.space()
		}
		place := w.at
		key := w.text()
		if (!w.shallow || w.depth == 1) && !seen.add(key) {
			return w.fail(place, "the key %.100q is in one object twice: programs differ in which one they take", key)
		}
		if w.visitor != nil {
			if err := w.surrogates(place); err != nil {
				return err
			}
			if err := w.visitor.Key(place, string(key)); err != nil {
				return err
			}
		} else if n++; n > maxKeys && !w.shallow {
			return w.fail(place, "an object with more than %d keys (limit)", maxKeys)
		}
		typ, err := w.match(place, key, known)
		if err != nil {
			return err
		}
		if each != nil {
			typ = each
			if err := w.take(place, int64(each.Size())+int64(len(key))); err != nil {
				return err
			}
		}
		w.space()
		w.at++ // the colon
		w.space()
		begin := w.at
		if err := w.value(typ); err != nil {
			return err
		}
		if w.top != nil && w.depth == 1 {
			w.top[string(key)] = w.data[begin:w.at]
		}
	}
	return w.leave()
}

// match returns the type of the field that the key is decoded into, or nil.
func (w *walker) match(place int, key []byte, known []field) (reflect.Type, error) {
	for _, f := range known {
		if string(key) == f.name {
			return f.typ, nil
		}
	}
	for _, f := range known {
		if bytes.EqualFold(key, []byte(f.name)) {
			return nil, w.fail(place, "the key %.100q is not %q by the format, but some programs take it for that", key, f.name)
		}
	}
	return nil, nil
}

func (w *walker) fieldsOf(t reflect.Type) []field {
	if f, ok := w.fields[t]; ok {
		return f
	}
	out := []field{}
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch name {
		case "-":
			continue
		case "":
			name = f.Name
		}
		out = append(out, field{name, f.Type})
	}
	w.fields[t] = out
	return out
}

// text walks over a string and returns its value.
func (w *walker) text() []byte {
	start := w.at
	escaped := false
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			escaped = true
			w.at++
		}
	}
	w.at++
	if !escaped {
		return w.data[start+1 : w.at-1]
	}
	var s string
	if err := json.Unmarshal(w.data[start:w.at], &s); err != nil {
		return w.data[start+1 : w.at-1] // unreachable: it is valid
	}
	return []byte(s)
}

// keys are the keys of one object.
type keys struct {
	few  [][]byte
	many map[string]bool
}

// manyKeys is the number of keys from which a map is faster than a list.
const manyKeys = 32

func (k *keys) add(key []byte) bool {
	if k.many != nil {
		if k.many[string(key)] {
			return false
		}
		k.many[string(key)] = true
		return true
	}
	for _, f := range k.few {
		if bytes.Equal(f, key) {
			return false
		}
	}
	k.few = append(k.few, key)
	if len(k.few) > manyKeys {
		k.many = make(map[string]bool, 2*manyKeys)
		for _, f := range k.few {
			k.many[string(f)] = true
		}
	}
	return true
}
