package strictjson

import (
	"bytes"
	"context"
	"encoding/json"
)

// Top returns the members of the object that data is, as parts of data. It
// returns an error for repeated keys anywhere and for bytes that are not UTF-8.
func Top(ctx context.Context, data []byte) (map[string]json.RawMessage, error) {
	w := walker{ctx: ctx, data: data}
	return w.members()
}

// Members returns the members of the object that data is, as parts of data. It
// returns an error for a repeated key of that object, and does not look into
// the values, where package.json files repeat keys that have no effect.
func Members(data []byte) (map[string]json.RawMessage, error) {
	w := walker{ctx: context.Background(), data: data, shallow: true}
	return w.members()
}

// members walks over the document and returns the members of its object.
func (w *walker) members() (map[string]json.RawMessage, error) {
	w.top = map[string]json.RawMessage{}
	err := w.document(nil)
	if start := bytes.TrimLeft(w.data, " \t\r\n"); err == nil && start[0] != '{' {
		err = w.fail(len(w.data)-len(start), "not a JSON object")
	}
	if err != nil {
		return nil, err
	}
	return w.top, nil
}

// Strings is a list that some writers encode as a single string.
type Strings []string

func (s *Strings) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		if *s = nil; one != "" {
			*s = Strings{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}
