package strictjson

import (
	"bytes"
	"io"
)

// Outdented returns a reader of a text of JSON without the spaces at the beginning of its
// lines: they are a quarter of a report, and encoding/json takes as long for one as for a
// letter. A string of JSON has no line break, so none of them is in a string, and a line
// break stays where it is: what was not JSON is none afterwards.
func Outdented(in io.Reader) io.Reader { return &outdented{in: in} }

// outdent returns a text without those spaces, and the same one if it has none.
func outdent(data []byte) []byte {
	if !bytes.Contains(data, []byte("\n ")) {
		return data
	}
	out := make([]byte, len(data))
	n, _ := io.ReadFull(Outdented(bytes.NewReader(data)), out) // less than all of it
	return out[:n]
}

type outdented struct {
	in io.Reader
	// begins is true at the beginning of a line.
	begins bool
}

func (o *outdented) Read(p []byte) (int, error) {
	for {
		n, err := o.in.Read(p)
		kept := 0
		for rest := p[:n]; len(rest) > 0; {
			if o.begins {
				rest = bytes.TrimLeft(rest, " ")
			}
			end := bytes.IndexByte(rest, '\n') + 1
			if o.begins = end > 0 || o.begins && len(rest) == 0; end == 0 {
				end = len(rest)
			}
			kept += copy(p[kept:], rest[:end])
			rest = rest[end:]
		}
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}
