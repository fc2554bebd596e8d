package strictjson

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strings"
)

// shape is what the walker needs of a type.
type shape struct {
	kind   kind
	size   int64
	elem   *shape  // of a list or a map
	fields []field // of a struct; not nil
}

type kind int

const (
	isOther kind = iota // a number, an any, or a type that decodes itself
	isStruct
	isList
	isMap
	isText
)

// field is a field of a struct that is decoded.
type field struct {
	name  string
	shape *shape
}

// shapes are those that were needed so far, by type.
type shapes map[reflect.Type]*shape

// of returns the shape of what a pointer points to.
func (s *shapes) of(v any) *shape {
	if *s == nil {
		*s = shapes{}
	}
	return s.get(reflect.TypeOf(v))
}

func (s shapes) get(t reflect.Type) *shape {
	if t == nil {
		return nil
	}
	if known := s[t]; known != nil {
		return known
	}
	if t.Kind() == reflect.Pointer {
		return s.get(t.Elem())
	}
	out := &shape{size: int64(t.Size())}
	s[t] = out // a type may have itself in it
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return out
	}
	switch t.Kind() {
	case reflect.Struct:
		out.kind, out.fields = isStruct, s.fieldsOf(t)
	case reflect.Slice, reflect.Array:
		out.kind, out.elem = isList, s.get(t.Elem())
	case reflect.Map:
		out.kind, out.elem = isMap, s.get(t.Elem())
	case reflect.String:
		out.kind = isText
	}
	return out
}

// fieldsOf returns the fields of a struct, with those of embedded structs, which have no
// field of the struct's own names.
func (s shapes) fieldsOf(t reflect.Type) []field {
	own, embedded := make([]field, 0, t.NumField()), []field(nil)
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch inner := s.get(f.Type); {
		case name == "-":
		case f.Anonymous && name == "" && inner.kind == isStruct:
			embedded = append(embedded, inner.fields...)
		case f.IsExported():
			own = append(own, field{cmp.Or(name, f.Name), inner})
		}
	}
	names := map[string]bool{}
	for _, f := range own {
		names[f.name] = true
	}
	for _, f := range embedded {
		if !names[f.name] { // each name once: a key is found by it
			names[f.name] = true
			own = append(own, f)
		}
	}
	return own
}
