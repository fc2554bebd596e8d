package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// freeKeys are the objects whose keys are chosen by people, so that two may
// differ in case alone.
var freeKeys = map[string]bool{"annotations": true, "labels": true, "exposedports": true, "volumes": true}

// decode reads one JSON document in such a way that no other reader can see
// another one in it: encoding/json takes the last of two equal keys and
// matches keys in any case, other readers take the first, or the exact one.
func decode(data []byte, into any) error {
	if err := unambiguous(data); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// unambiguous refuses a document with a key twice in one object.
func unambiguous(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := walk(d, 0, false); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("has text after the end of the JSON document, at byte %d", d.InputOffset())
	}
	return nil
}

// walk reads one value. free says that it is an object with keys that differ
// if their case does.
func walk(d *json.Decoder, depth int, free bool) error {
	if depth > maxDepth {
		return fmt.Errorf("is nested deeper than %d levels", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return broken(d, err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		below := false
		if delim == '{' {
			t, err := d.Token()
			if err != nil {
				return broken(d, err)
			}
			key, ok := t.(string)
			if !ok {
				return broken(d, errors.New("a key that is no string"))
			}
			same := key
			if !free {
				same = fold(key)
			}
			if seen[same] {
				return fmt.Errorf("has the key %s twice in one object, before byte %d: it can be read in two ways", quote(key), d.InputOffset())
			}
			seen[same] = true
			below = freeKeys[strings.ToLower(key)]
		}
		if err := walk(d, depth+1, below); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return broken(d, err)
	}
	return nil
}

func broken(d *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("is not JSON, at byte %d: %w", d.InputOffset(), err)
}

// fold maps names that encoding/json takes for one to one name.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		low := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			low = min(low, next)
		}
		return low
	}, s)
}

// shape is what tells the kinds of documents apart.
type shape struct {
	SchemaVersion *int            `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	Manifests     json.RawMessage `json:"manifests"`
	Config        json.RawMessage `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	FSLayers      json.RawMessage `json:"fsLayers"`
	History       json.RawMessage `json:"history"`
}

func (s *shape) isIndex() bool    { return s.Manifests != nil }
func (s *shape) isManifest() bool { return s.Config != nil || s.Layers != nil }
func (s *shape) isSchema1() bool {
	return s.SchemaVersion != nil && *s.SchemaVersion == 1 || s.FSLayers != nil
}
