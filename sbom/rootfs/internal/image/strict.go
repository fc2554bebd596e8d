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

// freeKeys are the objects with arbitrary keys, of which two may differ only in
// case.
var freeKeys = map[string]bool{"annotations": true, "labels": true, "exposedports": true, "volumes": true}

// decode decodes one JSON document, and rejects it if another decoder could
// decode it differently: encoding/json takes the last of two equal keys and
// ignores case, other decoders take the first, or require the exact one.
func decode(data []byte, into any) error {
	if err := unambiguous(data); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// unambiguous rejects a document with a key that occurs twice in one object.
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

// walk reads one value. free reports whether it is an object whose keys are
// compared with case.
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
				return broken(d, errors.New("a key that is not a string"))
			}
			same := key
			if !free {
				same = fold(key)
			}
			if seen[same] {
				return fmt.Errorf("has the key %s twice in one object, before byte %d: it is ambiguous", quote(key), d.InputOffset())
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

// fold maps names that encoding/json does not distinguish to one name.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		low := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			low = min(low, next)
		}
		return low
	}, s)
}

// shape are the fields that distinguish the kinds of documents.
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
