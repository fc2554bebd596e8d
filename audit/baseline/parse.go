package baseline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Parse parses a baseline; file is its path in errors. It returns an error for
// everything that the format does not have, since ignoring it could change the
// accepted state: unknown and repeated keys, a dependency twice, text after the
// end.
func Parse(file string, data []byte) (*Baseline, error) {
	r := &baselineReader{file: file, data: data}
	at := (*strictjson.Error)(nil)
	if errors.As(strictjson.UTF8(data), &at) {
		return nil, r.errorAt(at.Offset, "", "the file is not UTF-8")
	}
	r.json = json.NewDecoder(bytes.NewReader(data))
	r.json.UseNumber()
	b, err := r.baseline()
	if err == nil && errors.As(strictjson.Check(context.Background(), data), &at) {
		err = r.errorAt(at.Offset, hintRepair, "%s", at.Detail) // half of a surrogate pair: the tokens do not have it
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// baselineReader decodes the tokens of a baseline. json.Unmarshal would take the
// last of two equal keys, and keys in any case.
type baselineReader struct {
	file string
	data []byte
	json *json.Decoder
	// at is the offset at which the last token ends.
	at int64
}

const hintRepair = "restore the file from version control, or delete it and make it anew with `depaudit baseline update`"

func (r *baselineReader) errorAt(offset int64, hint, format string, args ...any) error {
	offset = min(offset, int64(len(r.data)))
	line := 1 + bytes.Count(r.data[:offset], []byte("\n"))
	column := int(offset) - bytes.LastIndexByte(r.data[:offset], '\n')
	return &textfile.Error{File: r.file, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// fail returns an error at the beginning of the last token.
func (r *baselineReader) fail(hint, format string, args ...any) error {
	start := r.at
	for start < int64(len(r.data)) && strings.IndexByte(" \t\r\n,:", r.data[start]) >= 0 {
		start++
	}
	return r.errorAt(start, hint, format, args...)
}

func (r *baselineReader) token() (json.Token, error) {
	r.at = r.json.InputOffset()
	t, err := r.json.Token()
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, r.errorAt(int64(len(r.data)), hintRepair, "the file ends in the middle")
	}
	// The offset in the error counts only some of the bytes that were read,
	// so the position is the beginning of the invalid token.
	start := r.json.InputOffset()
	for start < int64(len(r.data)) && strings.IndexByte(" \t\r\n", r.data[start]) >= 0 {
		start++
	}
	return nil, r.errorAt(start, hintRepair, "not valid JSON: %v", err)
}

func (r *baselineReader) baseline() (*Baseline, error) {
	b := &Baseline{Stages: map[string]*Stage{}}
	seen, err := r.object("the baseline", func(key string) error {
		switch key {
		case "baseline":
			v, err := r.integer(key)
			switch {
			case err != nil:
				return err
			case v > formatVersion:
				return r.fail("use a newer depaudit, or delete the baseline and make it anew with `depaudit baseline update`",
					"the baseline has format version %d, and this depaudit reads up to %d", v, formatVersion)
			case v < 1:
				return r.fail(hintRepair, "there is no baseline format version %d", v)
			}
			return nil
		case "stages":
			_, err := r.object("stages", func(name string) error {
				at := r.at
				s, err := r.stage()
				if err == nil && name == "" {
					return r.errorAt(at, hintRepair, "a stage without a name")
				}
				b.Stages[name] = s
				return err
			})
			return err
		}
		return r.unknown(key, "the baseline", "baseline", "stages")
	})
	if err != nil {
		return nil, err
	}
	if err := r.require(seen, "the baseline", "baseline", "stages"); err != nil {
		return nil, err
	}
	at := r.json.InputOffset()
	if rest := bytes.TrimLeft(r.data[at:], " \t\r\n"); len(rest) > 0 {
		return nil, r.errorAt(int64(len(r.data)-len(rest)), hintRepair, "there is text after the end of the baseline")
	}
	return b, nil
}

func (r *baselineReader) stage() (*Stage, error) {
	s := &Stage{}
	seen, err := r.object("a stage", func(key string) (err error) {
		switch key {
		case "rules":
			s.Rules, err = r.integer(key)
		case "catalogers":
			s.Catalogers, err = r.text(key)
		case "reason":
			s.Reason, err = r.text(key)
		case "critical":
			s.Critical, err = r.boolean(key)
		case "policy":
			err = r.policy(s)
		case "verified":
			s.Verified, err = r.boolean(key)
		case "dependencies":
			s.Dependencies, err = r.dependencies()
		case "files":
			s.Files, err = r.files()
		case "definition":
			s.Definition, err = r.definition()
		case "exceptions":
			s.Exceptions, err = r.exceptions()
		default:
			err = r.unknown(key, "a stage", "rules", "catalogers", "reason", "critical", "policy", "verified", "dependencies", "files", "definition", "exceptions")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, r.require(seen, "a stage", "rules", "catalogers", "dependencies")
}

// policy reads the policy of a stage.
func (r *baselineReader) policy(s *Stage) error {
	s.Policy = &audit.Policy{}
	known := []string{}
	settings := map[string]any{"reason": &s.PolicyReason}
	for _, setting := range s.Policy.Settings() {
		known = append(known, setting.Key)
		settings[setting.Key] = setting.Value
	}
	_, err := r.object("the policy", func(key string) (err error) {
		switch v := settings[key].(type) {
		case **int:
			*v = new(int)
			**v, err = r.integer(key)
			if err == nil && **v < 0 {
				err = r.fail("", "expected a number from 0 for %q", key)
			}
		case *bool:
			*v, err = r.boolean(key)
		case *string:
			*v, err = r.text(key)
		case *[]string:
			if *v, err = r.texts(key); err == nil {
				slices.Sort(*v)
				*v = slices.Compact(*v)
			}
		default:
			err = r.unknown(key, "the policy", append(known, "reason")...)
		}
		return err
	})
	return err
}

func (r *baselineReader) dependencies() ([]audit.Accepted, error) {
	if err := r.delim('[', "a list of dependencies"); err != nil {
		return nil, err
	}
	type identity struct{ key, version string }
	seen := map[identity]bool{}
	var out []audit.Accepted
	for r.json.More() {
		e, err := r.dependency()
		if err != nil {
			return nil, err
		}
		if id := (identity{e.Key, e.Version}); seen[id] {
			return nil, r.fail("keep one of the lines", "dependency %q at version %q is listed twice", e.Key, e.Version)
		} else {
			seen[id] = true
		}
		out = append(out, e)
	}
	if err := r.delim(']', "the end of the list"); err != nil {
		return nil, err
	}
	slices.SortFunc(out, audit.Accepted.Compare)
	return out, nil
}

func (r *baselineReader) dependency() (audit.Accepted, error) {
	var key, version, provenance, evidence, reason string
	var content, locked, exception string
	var base bool
	var paths []string
	fields := map[string]*string{
		"key": &key, "version": &version, "provenance": &provenance, "evidence": &evidence, "content": &content, "locked": &locked, "exception": &exception, "reason": &reason,
	}
	seen, err := r.object("a dependency", func(name string) (err error) {
		switch name {
		case "base":
			base, err = r.boolean(name)
			return err
		case "paths":
			paths, err = r.texts(name)
			return err
		}
		field := fields[name]
		if field == nil {
			return r.unknown(name, "a dependency", "key", "version", "provenance", "evidence", "base", "content", "locked", "paths", "exception", "reason")
		}
		*field, err = r.text(name)
		if err == nil && (name == "content" || name == "locked") && !shortDigest.MatchString(*field) {
			return r.fail(hintRepair, "%q is not a digest of 32 hexadecimal digits", name)
		}
		if err == nil && name == "provenance" && !audit.Provenance(*field).Counted() {
			return r.fail("", "there is no provenance %q", *field)
		}
		return err
	})
	if err != nil {
		return audit.Accepted{}, err
	}
	if err := r.require(seen, "a dependency", "key", "version", "provenance", "evidence"); err != nil {
		return audit.Accepted{}, err
	}
	if key == "" {
		return audit.Accepted{}, r.fail(hintRepair, "a dependency with an empty key")
	}
	e := newAccepted(key, version, audit.Provenance(provenance), evidence, reason)
	e.Base, e.Content, e.Locked, e.Paths, e.Exception = base, content, locked, paths, exception
	return e, nil
}

// exceptions reads the days since which exceptions are needed.
func (r *baselineReader) exceptions() (map[string]string, error) {
	out := map[string]string{}
	_, err := r.object("exceptions", func(subject string) (err error) {
		if out[subject], err = r.text(subject); err != nil {
			return err
		}
		if _, err := time.Parse(time.DateOnly, out[subject]); err != nil {
			return r.fail(hintRepair, "expected a day, YYYY-MM-DD, since which the exception is needed, got %s", textfile.Quote(out[subject]))
		}
		return nil
	})
	return out, err
}

// shortDigest matches what [audit.ShortDigest] returns.
var shortDigest = lazyregexp.New(`^[0-9a-f]{32}$`)

func (r *baselineReader) files() ([]audit.AcceptedFile, error) {
	if err := r.delim('[', "a list of files"); err != nil {
		return nil, err
	}
	seen := map[audit.AcceptedFile]bool{}
	out := []audit.AcceptedFile{}
	for r.json.More() {
		f, err := r.fileLine()
		if err != nil {
			return nil, err
		}
		if seen[f.Same()] {
			return nil, r.fail("keep one of the lines", "file %s is listed twice", textfile.Quote(f.Path))
		}
		seen[f.Same()] = true
		out = append(out, f)
	}
	slices.SortFunc(out, audit.AcceptedFile.Compare)
	return out, r.delim(']', "the end of the list")
}

func (r *baselineReader) fileLine() (f audit.AcceptedFile, err error) {
	fields := map[string]*string{"path": &f.Path, "rule": &f.Rule, "digest": &f.Digest, "mode": &f.Mode, "exception": &f.Exception, "reason": &f.Reason}
	seen, err := r.object("a file", func(name string) (err error) {
		field := fields[name]
		if field == nil {
			return r.unknown(name, "a file", "path", "rule", "digest", "mode", "exception", "reason")
		}
		if *field, err = r.text(name); err != nil {
			return err
		}
		if _, known := audit.RuleByID(*field); name == "rule" && !known {
			return r.fail("", "there is no rule %s", textfile.Quote(*field))
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	return f, r.require(seen, "a file", "path", "rule")
}

// definition reads what the definition of a stage was accepted with.
func (r *baselineReader) definition() ([]audit.AcceptedUse, error) {
	if err := r.delim('[', "a list of uses"); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	out := []audit.AcceptedUse{}
	for r.json.More() {
		var u audit.AcceptedUse
		fields := map[string]*string{"use": &u.Key, "version": &u.Version, "pin": &u.Pin, "reason": &u.Reason}
		have, err := r.object("a use", func(name string) (err error) {
			field := fields[name]
			if field == nil {
				return r.unknown(name, "a use", "use", "version", "pin", "reason")
			}
			*field, err = r.text(name)
			if err == nil && name == "pin" && !slices.Contains(audit.Pins(), *field) {
				return r.fail("known are "+strings.Join(audit.Pins(), ", "), "there is no pin %s", textfile.Quote(*field))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := r.require(have, "a use", "use", "pin"); err != nil {
			return nil, err
		}
		if seen[u.String()] {
			return nil, r.fail("keep one of the lines", "%s is listed twice", textfile.Quote(u.String()))
		}
		seen[u.String()] = true
		out = append(out, u)
	}
	slices.SortFunc(out, audit.AcceptedUse.Compare)
	return out, r.delim(']', "the end of the list")
}

// texts reads a list of strings.
func (r *baselineReader) texts(key string) ([]string, error) {
	if err := r.delim('[', "a list of strings for "+strconv.Quote(key)); err != nil {
		return nil, err
	}
	var out []string
	for r.json.More() {
		s, err := r.text(key)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, r.delim(']', "the end of the list")
}

// object decodes a JSON object and calls value for each key. A repeated key is
// an error.
func (r *baselineReader) object(what string, value func(key string) error) (map[string]bool, error) {
	if err := r.delim('{', what+" (an object)"); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for r.json.More() {
		t, err := r.token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if seen[key] {
			return nil, r.fail("keep one of them", "key %s is given twice", textfile.Quote(key))
		}
		seen[key] = true
		if err := value(key); err != nil {
			return nil, err
		}
	}
	return seen, r.delim('}', "the end of "+what)
}

func (r *baselineReader) delim(want json.Delim, what string) error {
	t, err := r.token()
	if err != nil {
		return err
	}
	if t != want {
		return r.fail(hintRepair, "expected %s", what)
	}
	return nil
}

func (r *baselineReader) text(key string) (string, error) {
	t, err := r.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", r.fail("", "expected a string for %q", key)
	}
	return s, nil
}

func (r *baselineReader) boolean(key string) (bool, error) {
	t, err := r.token()
	if err != nil {
		return false, err
	}
	b, ok := t.(bool)
	if !ok {
		return false, r.fail("", "expected true or false for %q", key)
	}
	return b, nil
}

func (r *baselineReader) integer(key string) (int, error) {
	t, err := r.token()
	if err != nil {
		return 0, err
	}
	n, _ := t.(json.Number)
	v, err := strconv.Atoi(n.String())
	if err != nil {
		return 0, r.fail("", "expected a whole number for %q", key)
	}
	return v, nil
}

func (r *baselineReader) unknown(key, what string, known ...string) error {
	hint := "expected one of " + strings.Join(known, ", ")
	if near := wording.Nearest(key, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return r.fail(hint, "unknown key %s in %s", textfile.Quote(key), what)
}

func (r *baselineReader) require(seen map[string]bool, what string, keys ...string) error {
	for _, k := range keys {
		if !seen[k] {
			return r.fail(hintRepair, "%s has no %q", what, k)
		}
	}
	return nil
}
