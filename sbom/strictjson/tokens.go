package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// SameTokens reports whether two JSON texts are equal except for white space.
func SameTokens(a, b []byte) bool {
	x, y := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	x.UseNumber()
	y.UseNumber()
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
