package strictjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// walker walks over a document, and checks that it is JSON.
type walker struct {
	ctx    context.Context
	data   []byte
	at     int
	depth  int
	memory int64
	count  int
	// seen has the keys of the objects around the place, those of the innermost last.
	seen [][]byte
	// top collects the members of the outermost object, unless it is nil.
	top map[string]json.RawMessage
	// shallow checks neither the keys of the objects below the outermost one nor UTF-8.
	shallow bool
	// known refuses keys that the type does not have. Memory and keys are not limited.
	known bool
	// paired refuses half of a surrogate pair.
	paired bool
	// visitor receives what is walked over, unless it is nil.
	visitor Visitor
}

// errSyntax is the error for what is not JSON. encoding/json has the words for it.
var errSyntax = errors.New("not JSON")

// document walks over the whole document, which is decoded into a t.
func (w *walker) document(t *shape) error {
	if !w.shallow {
		if err := UTF8(w.data); err != nil {
			return err
		}
	}
	err := w.value(t)
	if err == nil {
		if w.space(); w.at < len(w.data) {
			err = errSyntax
		}
	}
	if err == errSyntax {
		if err := json.Unmarshal(w.data, new(json.RawMessage)); err != nil {
			return position(w.data, err)
		}
		return w.fail(w.at, "not JSON")
	}
	return err
}

func (w *walker) fail(offset int, format string, args ...any) error {
	return At(w.data, int64(offset), format, args...)
}

func (w *walker) take(offset int, n int64) error {
	w.memory += n
	if w.memory > MaxMemory && !w.known {
		return w.fail(offset, "the document would take more than %d MiB of memory (limit)", MaxMemory>>20)
	}
	return nil
}

// space skips white space.
func (w *walker) space() {
	for w.at < len(w.data) {
		switch w.data[w.at] {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return
		}
	}
}

// next returns the byte after white space, 0 at the end.
func (w *walker) next() byte {
	w.space()
	if w.at < len(w.data) {
		return w.data[w.at]
	}
	return 0
}

// value walks over one value, which is decoded into a t; nil when it is not
// decoded.
func (w *walker) value(t *shape) error {
	switch w.next() {
	case '{':
		return w.object(t)
	case '[':
		return w.array(t)
	case '"':
		place := w.at
		raw, escaped, err := w.text()
		switch {
		case err != nil:
			return err
		case w.visitor != nil:
			return w.visitor.String(place, string(unescaped(raw, escaped)))
		case t != nil && t.kind == isText:
			return w.take(place, stringSize+int64(len(raw)))
		}
		return nil
	}
	return w.scalar()
}

// scalar walks over a number, true, false or null.
func (w *walker) scalar() error {
	place := w.at
	switch rest := w.data[w.at:]; {
	case bytes.HasPrefix(rest, []byte("true")), bytes.HasPrefix(rest, []byte("null")):
		w.at += len("true")
	case bytes.HasPrefix(rest, []byte("false")):
		w.at += len("false")
	case !w.number():
		return errSyntax
	}
	if w.visitor != nil {
		return w.visitor.Scalar(place, string(w.data[place:w.at]))
	}
	return nil
}

// number walks over a number (RFC 8259, section 6), and reports whether it is one.
func (w *walker) number() bool {
	w.accept("-")
	if !w.accept("0") && !w.digits() {
		return false
	}
	if w.accept(".") && !w.digits() {
		return false
	}
	if w.accept("eE") {
		w.accept("+-")
		return w.digits()
	}
	return true
}

// accept steps over a byte that is one of these.
func (w *walker) accept(any string) bool {
	if w.at < len(w.data) && bytes.IndexByte([]byte(any), w.data[w.at]) >= 0 {
		w.at++
		return true
	}
	return false
}

// digits steps over digits, and reports whether there is one.
func (w *walker) digits() bool {
	start := w.at
	for w.at < len(w.data) && '0' <= w.data[w.at] && w.data[w.at] <= '9' {
		w.at++
	}
	return w.at > start
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

// leave ends an object or array, after its last byte.
func (w *walker) leave() error {
	w.depth--
	if w.visitor != nil {
		return w.visitor.End()
	}
	return nil
}

// more reports whether another element follows in an object or array that ends with
// end; first is true before the first one. It steps over the comma, or the end.
func (w *walker) more(first bool, end byte) (bool, error) {
	switch c := w.next(); {
	case c == end:
		w.at++
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, errSyntax
	}
	w.at++
	w.space()
	return true, nil
}

func (w *walker) array(t *shape) error {
	var elem *shape
	if t != nil && t.kind == isList {
		elem = t.elem
	}
	if w.visitor != nil {
		if err := w.visitor.BeginArray(w.at); err != nil {
			return err
		}
	}
	if err := w.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		if more, err := w.more(first, ']'); err != nil {
			return err
		} else if !more {
			return w.leave()
		}
		if elem != nil && elem.kind != isStruct { // a struct is counted as an object
			if err := w.take(w.at, elem.size); err != nil {
				return err
			}
		}
		if err := w.value(elem); err != nil {
			return err
		}
	}
}

func (w *walker) object(t *shape) error {
	start := w.at
	var each *shape
	o := object{before: len(w.seen)}
	switch {
	case t == nil:
	case t.kind == isStruct:
		o.fields = t.fields
		if err := w.take(start, t.size); err != nil {
			return err
		}
	case t.kind == isMap:
		each = t.elem
	}
	if w.visitor != nil {
		if err := w.visitor.BeginObject(start); err != nil {
			return err
		}
	}
	if err := w.enter(); err != nil {
		return err
	}
	n := 0
	for first := true; ; first = false {
		if more, err := w.more(first, '}'); err != nil {
			return err
		} else if !more {
			w.seen = w.seen[:o.before]
			return w.leave()
		}
		place := w.at
		key, err := w.key()
		if err != nil {
			return err
		}
		if w.visitor != nil {
			if err := w.visitor.Key(place, string(key)); err != nil {
				return err
			}
		} else if n++; n > maxKeys && !w.shallow && !w.known {
			return w.fail(place, "an object with more than %d keys (limit)", maxKeys)
		}
		typ, err := w.member(&o, place, key)
		if err != nil {
			return err
		}
		if each != nil {
			typ = each
			if err := w.take(place, each.size+int64(len(key))); err != nil {
				return err
			}
		}
		if w.next() != ':' {
			return errSyntax
		}
		w.at++
		w.space()
		begin := w.at
		if err := w.value(typ); err != nil {
			return err
		}
		if w.top != nil && w.depth == 1 {
			w.top[string(key)] = w.data[begin:w.at]
		}
	}
}

// object is what is known of the keys of an object.
type object struct {
	// fields are those of the struct that it is decoded into.
	fields []field
	// next is the field after the last one that was there: keys have mostly the order of
	// the fields.
	next int
	// had has a bit for each field that was there, up to the 64th.
	had uint64
	// before is the number of keys in walker.seen that are of the objects around it.
	before int
	// many are the keys of the object, of many.
	many map[string]bool
}

// member returns the type that the value of a key is decoded into, nil if it is not
// decoded. The key is an error if it was there, or if it is another spelling of a field.
func (w *walker) member(o *object, place int, key []byte) (*shape, error) {
	for n := range o.fields {
		i := o.next + n
		if i >= len(o.fields) {
			i -= len(o.fields)
		}
		if string(key) != o.fields[i].name {
			continue
		}
		o.next = i + 1
		if i >= 64 {
			return o.fields[i].shape, w.once(o, place, key)
		}
		if o.had&(1<<i) != 0 {
			return nil, w.twice(place, key)
		}
		o.had |= 1 << i
		return o.fields[i].shape, nil
	}
	for _, f := range o.fields {
		if bytes.EqualFold(key, []byte(f.name)) {
			return nil, w.fail(place, "the key %.100q is not %q by the format, but some programs take it for that", key, f.name)
		}
	}
	if w.known && o.fields != nil {
		return nil, w.fail(place, "%w %.100q", ErrUnknownField, key)
	}
	return nil, w.once(o, place, key)
}

// manyKeys is the number of keys from which a map is faster than a list.
const manyKeys = 32

// once returns an error for a key that was there.
func (w *walker) once(o *object, place int, key []byte) error {
	if w.shallow && w.depth > 1 {
		return nil
	}
	if o.many != nil {
		if o.many[string(key)] {
			return w.twice(place, key)
		}
		o.many[string(key)] = true
		return nil
	}
	had := w.seen[o.before:]
	if slices.ContainsFunc(had, func(k []byte) bool { return bytes.Equal(k, key) }) {
		return w.twice(place, key)
	}
	if w.seen = append(w.seen, key); len(had) >= manyKeys {
		o.many = make(map[string]bool, 2*manyKeys)
		for _, k := range w.seen[o.before:] {
			o.many[string(k)] = true
		}
	}
	return nil
}

func (w *walker) twice(place int, key []byte) error {
	return w.fail(place, "the key %.100q is in one object twice: programs differ in which one they take", key)
}

// key walks over a key and returns its value.
func (w *walker) key() ([]byte, error) {
	if w.next() != '"' {
		return nil, errSyntax
	}
	raw, escaped, err := w.text()
	if err != nil {
		return nil, err
	}
	return unescaped(raw, escaped), nil
}

// text walks over a string. It returns the literal, and whether that has escapes.
func (w *walker) text() (raw []byte, escaped bool, err error) {
	start, rest := w.at, w.data[w.at:]
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			w.at += i + 1
			if escaped && (w.paired || w.visitor != nil) {
				if i := surrogates(rest[:i+1]); i >= 0 {
					return nil, false, w.fail(start+i, "half of a surrogate pair")
				}
			}
			return rest[:i+1], escaped, nil
		case c < ' ':
			return nil, false, errSyntax
		case c == '\\':
			escaped = true
			if i++; i >= len(rest) {
				return nil, false, errSyntax
			}
			if bytes.IndexByte([]byte(`"\/bfnrt`), rest[i]) >= 0 {
				continue
			}
			if rest[i] != 'u' || i+4 >= len(rest) || !isHex4(rest[i+1:i+5]) {
				return nil, false, errSyntax
			}
			i += 4
		}
	}
	return nil, false, errSyntax
}

// unescaped returns the value of the literal of a string.
func unescaped(raw []byte, escaped bool) []byte {
	if escaped {
		var s string
		if json.Unmarshal(raw, &s) == nil { // it is valid
			return []byte(s)
		}
	}
	return raw[1 : len(raw)-1]
}

// isHex4 reports whether all bytes are hexadecimal digits.
func isHex4(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool {
		return !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f')
	})
}
