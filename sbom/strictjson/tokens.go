package strictjson

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Same reports whether two JSON texts are equal except for white space, the order of
// the keys of objects, and escapes in strings. Objects have no key twice.
func Same(a, b []byte) bool {
	if sameTokens(a, b) {
		return true
	}
	x, errX := digest(a)
	y, errY := digest(b)
	return errX == nil && errY == nil && x == y
}

// sameTokens is the fast answer for objects whose keys are in the same order.
func sameTokens(a, b []byte) bool {
	x, y := decoder(a), decoder(b)
	for {
		s, errX := x.Token()
		t, errY := y.Token()
		if errX != nil || errY != nil {
			return errors.Is(errX, io.EOF) && errors.Is(errY, io.EOF)
		}
		if s != t {
			return false
		}
	}
}

func decoder(data []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d
}

type sum = [sha256.Size]byte

// digest returns a digest of the one value of a text. It needs memory for the keys of
// the objects that it is in, and not for the text as values.
func digest(data []byte) (sum, error) {
	d := decoder(data)
	out, err := digestValue(d)
	if err != nil {
		return out, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return out, errors.New("more than one value")
	}
	return out, nil
}

func digestValue(d *json.Decoder) (sum, error) {
	token, err := d.Token()
	if err != nil {
		return sum{}, err
	}
	switch token {
	case json.Delim('['):
		h := sha256.New()
		h.Write([]byte("array"))
		for d.More() {
			value, err := digestValue(d)
			if err != nil {
				return sum{}, err
			}
			h.Write(value[:])
		}
		_, err = d.Token()
		return sum(h.Sum(nil)), err
	case json.Delim('{'):
		return digestObject(d)
	}
	return sha256.Sum256(fmt.Appendf(nil, "%T %v", token, token)), nil
}

func digestObject(d *json.Decoder) (sum, error) {
	type member struct {
		key   string
		value sum
	}
	var members []member
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return sum{}, err
		}
		value, err := digestValue(d)
		if err != nil {
			return sum{}, err
		}
		key, _ := token.(string) // of an object there is no other
		members = append(members, member{key, value})
	}
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	h := sha256.New()
	h.Write([]byte("object"))
	for _, m := range members {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(m.key))))
		h.Write([]byte(m.key))
		h.Write(m.value[:])
	}
	_, err := d.Token()
	return sum(h.Sum(nil)), err
}
