package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// SameTokens compares two texts of JSON without regard to white space.
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
