package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// A large report is read in pieces, in the memory that is left when each dependency and
// each relation is forgotten after it was checked. What else a report has is held. These
// are the limits, with which a reader takes at most 130 MiB.
const (
	// maxPiece is the largest dependency or relation, in bytes of JSON. Real ones have
	// a kilobyte; one with the paths of ten thousand places has one million.
	maxPiece = 4 << 20
	// maxToken is the largest key, with the space in front of it, which encoding/json
	// reads again whenever it reads more of it.
	maxToken = 64 << 10
	// maxHeld is the largest size of the rest in memory, by an estimate: its text, the
	// values of its lists, and the structs of its objects.
	maxHeld  = 24 << 20
	listSize = 24  // for each comma: a string, twice where a list grows
	objSize  = 200 // for each brace: the struct of a finding or a group of growth
	// maxDependencies is the largest number of a stage, of which digests are held. A
	// machine has some thirty thousand.
	maxDependencies = 2_000_000
)

// ErrTooLarge is the error of a report that cannot be read in pieces within the limits.
var ErrTooLarge = errors.New("too large to be read in pieces")

// ReadOutline reads a saved report like [Read], and checks it like that, but of any size
// and in bounded memory: the stages have neither dependencies nor relations. The
// dependencies can be read by [EachDependency]. Errors begin with the name.
//
// Relations before the dependencies, which no report of depaudit has, are an error here
// alone.
func ReadOutline(name string, in io.Reader) (*Report, error) {
	p := newPieces(in)
	r := new(Report)
	err := p.object(r, map[string]func() error{"stages": func() error {
		return p.array(func(int) error {
			s, err := p.stage()
			if err == nil {
				r.Stages = append(r.Stages, *s)
			}
			return err
		})
	}})
	if err == nil {
		err = p.end()
	}
	switch {
	case r.Schema > ReportSchema:
		return nil, &FormatError{fmt.Errorf("%s: it has schema version %d, and this depaudit reads up to %d", name, r.Schema, ReportSchema)}
	case err != nil:
		return nil, p.placed(name, err)
	case r.Schema != ReportSchema:
		return nil, &FormatError{fmt.Errorf("%s: schema version %d is not %d", name, r.Schema, ReportSchema)}
	}
	if err := cmp.Or(r.validateHead(), r.validateVerdict()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// EachDependency calls f for each dependency of a report that [ReadOutline] has read,
// with the index of its stage, in their order. The dependency is overwritten afterwards.
func EachDependency(in io.Reader, f func(stage int, d *Dependency) error) error {
	p := newPieces(in)
	var d Dependency
	err := p.object(nil, map[string]func() error{"stages": func() error {
		return p.array(func(stage int) error {
			return p.object(nil, map[string]func() error{
				"dependencies": func() error {
					return p.array(func(int) error {
						d = Dependency{}
						if err := p.decode(&d, maxPiece); err != nil {
							return err
						}
						return f(stage, &d)
					})
				},
				"relations": func() error { return p.array(func(int) error { return p.decode(nil, maxPiece) }) },
			})
		})
	}})
	if err == nil {
		err = p.end()
	}
	return err
}

// stage reads a stage without its dependencies and relations, and checks it with them.
func (p *pieces) stage() (*Stage, error) {
	s, l := new(Stage), newRoll()
	var d Dependency
	var r sbom.Relation
	err := p.object(s, map[string]func() error{
		"dependencies": func() error {
			return p.array(func(i int) error {
				if i >= maxDependencies {
					return fmt.Errorf("%w: more than %d dependencies in a stage", ErrTooLarge, maxDependencies)
				}
				d = Dependency{}
				if err := p.decode(&d, maxPiece); err != nil {
					return err
				}
				return l.add(&d)
			})
		},
		"relations": func() error {
			return p.array(func(int) error {
				r = sbom.Relation{}
				if err := p.decode(&r, maxPiece); err != nil {
					return err
				}
				return l.relation(&r)
			})
		},
	})
	if err == nil {
		err = s.validateBy(l)
	}
	if err != nil && s.Name != "" {
		err = fmt.Errorf("stage %q: %w", s.Name, err)
	}
	return s, err
}

// pieces reads a text of JSON value by value.
type pieces struct {
	d     *json.Decoder
	in    *limited
	held  int             // see maxHeld
	value json.RawMessage // the last one
	types strictjson.Known
	// back is the number of lines between an error in a value and its end.
	back int
}

func newPieces(in io.Reader) *pieces {
	l := &limited{in: strictjson.Outdented(in)}
	return &pieces{d: json.NewDecoder(l), in: l}
}

// limited is a reader up to a place in its text.
type limited struct {
	in          io.Reader
	read, until int64
	lines       int
}

func (l *limited) Read(p []byte) (int, error) {
	left := l.until - l.read
	if left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := l.in.Read(p[:min(int64(len(p)), left)])
	l.read += int64(n)
	l.lines += bytes.Count(p[:n], []byte{'\n'})
	return n, err
}

// token reads a token, all of which are short here.
func (p *pieces) token() (json.Token, error) {
	p.in.until = p.d.InputOffset() + maxToken
	return p.d.Token()
}

func (p *pieces) more() bool {
	p.in.until = p.d.InputOffset() + maxToken
	return p.d.More()
}

// decode reads a value of at most so many bytes, and decodes it into what v points to,
// nil for nothing.
func (p *pieces) decode(v any, limit int) error {
	p.in.until = p.d.InputOffset() + int64(limit)
	p.value = p.value[:0]
	err := p.d.Decode(&p.value)
	switch {
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("%w: a value has more than %d MiB", ErrTooLarge, limit>>20)
	case err != nil || v == nil:
		return err
	}
	return p.known(v)
}

// known decodes the value that was read last.
func (p *pieces) known(v any) error {
	err := p.types.Unmarshal(context.Background(), p.value, v)
	if at, ok := errors.AsType[*strictjson.Error](err); ok {
		p.back = bytes.Count(p.value[at.Offset:], []byte{'\n'})
		if err = errors.New(at.Detail); errors.Is(at, strictjson.ErrUnknownField) {
			err = &FormatError{err}
		}
	}
	return err
}

// hold decodes a value that is kept.
func (p *pieces) hold(name string, v any) error {
	tooLarge := fmt.Errorf("%w: beside the dependencies and relations there are more than %d MiB (in %q), which are held in memory", ErrTooLarge, maxHeld>>20, name)
	if err := p.decode(nil, maxHeld-p.held); errors.Is(err, ErrTooLarge) {
		return tooLarge
	} else if err != nil {
		return err
	}
	if p.held += len(p.value) + listSize*bytes.Count(p.value, []byte{','}) + objSize*bytes.Count(p.value, []byte{'{'}); p.held > maxHeld {
		return tooLarge
	}
	return p.known(v)
}

// array calls each for every element of an array, which each has to read. It may be null.
func (p *pieces) array(each func(int) error) error {
	switch t, err := p.token(); {
	case err != nil:
		return err
	case t == nil:
		return nil
	case t != json.Delim('['):
		return fmt.Errorf("%.40q where a report has a list", fmt.Sprint(t))
	}
	for i := 0; p.more(); i++ {
		if err := each(i); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

// object reads an object into the struct to which v points, nil for none, but for the
// values of the keys that streamed has a function for.
func (p *pieces) object(v any, streamed map[string]func() error) error {
	switch t, err := p.token(); {
	case err != nil:
		return err
	case t != json.Delim('{'):
		return fmt.Errorf("%.40q where a report has an object", fmt.Sprint(t))
	}
	seen := map[string]bool{}
	for p.more() {
		t, err := p.token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if seen[key] {
			return fmt.Errorf("the key %.40q is in one object twice", key)
		}
		seen[key] = true
		field := fieldOf(v, key)
		switch read := streamed[key]; {
		case read != nil:
			err = read()
		case v == nil:
			err = p.decode(nil, maxHeld)
		case field == nil:
			err = &FormatError{fmt.Errorf("unknown field %.40q", key)}
		default:
			err = p.hold(key, field)
		}
		if err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

// fieldOf returns a pointer to the field of a struct that a key is decoded into.
func fieldOf(v any, key string) any {
	if v == nil {
		return nil
	}
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		if name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ","); name == key {
			return s.Field(i).Addr().Interface()
		}
	}
	return nil
}

// end checks that nothing follows.
func (p *pieces) end() error {
	switch _, err := p.token(); {
	case err == nil:
		return errors.New("something follows the report")
	case err != io.EOF:
		return err
	}
	return nil
}

// placed adds the name and the line at which reading ended.
func (p *pieces) placed(name string, err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	rest, _ := io.ReadAll(p.d.Buffered())
	return fmt.Errorf("%s:%d: %w", name, 1+p.in.lines-bytes.Count(rest, []byte{'\n'})-p.back, err)
}
