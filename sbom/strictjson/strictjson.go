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
// [Unmarshal] decodes a document of a third party into a type, [UnmarshalKnown]
// one of depaudit, [Top] and [Members] split an object, and [Visit] is for readers
// that need the place of every value. [Check] is for readers of their own.
package strictjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	w := walker{ctx: ctx, data: data}
	if err := w.document(new(shapes).of(v)); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return position(data, err)
	}
	return ctx.Err()
}

// UnmarshalKnown decodes data into v like [Unmarshal], for the formats of depaudit:
// a key that the type does not have is an [ErrUnknownField], and half of a surrogate
// pair is an error. The caller limits the memory, by the size of data.
func UnmarshalKnown(ctx context.Context, data []byte, v any) error {
	return new(Known).Unmarshal(ctx, data, v)
}

// Known decodes many documents like [UnmarshalKnown], and looks at each type once.
type Known struct{ shapes shapes }

// Unmarshal is [UnmarshalKnown].
func (k *Known) Unmarshal(ctx context.Context, data []byte, v any) error {
	w := walker{ctx: ctx, data: data, known: true, paired: true}
	if err := w.document(k.shapes.of(v)); err != nil {
		return err
	}
	if err := json.Unmarshal(outdent(data), v); err != nil {
		return position(data, json.Unmarshal(data, v)) // which has the place in data
	}
	return ctx.Err()
}

// ErrUnknownField is the cause of the [Error] for a key that the type does not have.
var ErrUnknownField = errors.New("unknown field")

// Check returns an error for text that is not JSON, for a repeated key, for bytes that
// are not UTF-8 and for half of a surrogate pair. It is for a reader of its own, which
// checks the names of keys.
func Check(ctx context.Context, data []byte) error {
	w := walker{ctx: ctx, data: data, paired: true}
	return w.document(nil)
}

// UTF8 returns an error for the first byte that is not UTF-8.
func UTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			if !utf8.FullRune(data[i:]) {
				return At(data, int64(len(data)), "the document is truncated")
			}
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
	case errors.As(err, &syntax) && atEnd(data, syntax):
		return At(data, int64(len(data)), "the document is truncated")
	case errors.As(err, &syntax):
		return At(data, syntax.Offset-1, "not JSON: %v", quoteless(err))
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return At(data, mismatch.Offset-1, "%s where the format has an object", kindOf(mismatch))
	case errors.As(err, &mismatch):
		return At(data, mismatch.Offset-1, "%q is %s where the format has another type", mismatch.Field, kindOf(mismatch))
	}
	return At(data, 0, "%w", err)
}

// atEnd reports whether a syntax error is that the text ends. encoding/json looks for a
// space there, and in a string escape, a number or a literal it reports that one.
func atEnd(data []byte, err *json.SyntaxError) bool {
	return strings.Contains(err.Error(), "unexpected end") ||
		strings.HasPrefix(err.Error(), "invalid character ' '") && err.Offset >= int64(len(data)) && !bytes.HasSuffix(data, []byte(" "))
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
