package strictjson

import (
	"context"
	"encoding/json"
)

// Top returns the members of the object that data is, as parts of data. It
// returns an error for repeated keys anywhere and for bytes that are not UTF-8.
func Top(ctx context.Context, data []byte) (map[string]json.RawMessage, error) {
	if err := UTF8(data); err != nil {
		return nil, err
	}
	if !json.Valid(data) {
		return nil, position(data, json.Unmarshal(data, new(struct{})))
	}
	w := walker{ctx: ctx, data: data}
	return w.members()
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
