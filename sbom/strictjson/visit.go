package strictjson

import (
	"bytes"
	"context"
	"unicode/utf16"
)

// Visitor receives the values of a document in their order. Offsets are those
// of the first byte of a value. An error ends the visit.
type Visitor interface {
	BeginObject(offset int) error
	// Key is called before each member's value. Keys of one object differ.
	Key(offset int, key string) error
	BeginArray(offset int) error
	// End ends the innermost object or array.
	End() error
	String(offset int, s string) error
	// Scalar is a number, true, false or null, as it is written.
	Scalar(offset int, text string) error
}

// Visit parses a document for a visitor, for readers that need the place of
// every value. It returns an error for a repeated key, for bytes that are not
// UTF-8 and for half of a surrogate pair, which has no UTF-8. Objects nest
// up to the limit of [Unmarshal]; the visitor limits the number of values.
func Visit(ctx context.Context, data []byte, v Visitor) error {
	w := walker{ctx: ctx, data: data, visitor: v}
	return w.document(nil)
}

// surrogates returns the offset within a literal, a string of valid JSON, of an
// escape that is half of a surrogate pair, or -1.
func surrogates(literal []byte) int {
	for i := 0; i+1 < len(literal); i++ {
		if literal[i] != '\\' {
			continue
		}
		i++
		if literal[i] != 'u' {
			continue
		}
		at := i - 1
		r := hex4(literal[i+1:])
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		rest := literal[i+1:]
		if !bytes.HasPrefix(rest, []byte(`\u`)) || utf16.DecodeRune(r, hex4(rest[2:])) == '\ufffd' {
			return at
		}
		i += 6
	}
	return -1
}

// hex4 returns the value of the four hexadecimal digits that b begins with.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
