package sbom

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// field connects a fact with its field in both directions, so that writing and
// reading cannot differ.
type field[T any] struct {
	key string
	get func(*T) []string
	set func(*T, string) error
}

func documentFields() []field[Document] {
	return []field[Document]{
		number("rules", func(d *Document) *int { return &d.Rules }),
		text("catalogers", func(d *Document) *string { return &d.Catalogers }),
		record("environment", func(d *Document) *Environment { return &d.Environment }),
		records("limitation", func(d *Document) *[]Limitation { return &d.Limitations }),
		records("gap", func(d *Document) *[]Gap { return &d.Gaps }),
		records("notice", func(d *Document) *[]Notice { return &d.Notices }),
		records("excluded", func(d *Document) *[]Exclusion { return &d.Excluded }),
	}
}

func componentFields() []field[Component] {
	return []field[Component]{
		text("id", func(c *Component) *string { return &c.ID }),
		text("purl", func(c *Component) *string { return &c.PURL }),
		text("kind", func(c *Component) *Kind { return &c.Kind }),
		text("type", func(c *Component) *string { return &c.Type }),
		text("namespace", func(c *Component) *string { return &c.Namespace }),
		text("name", func(c *Component) *string { return &c.Name }),
		text("version", func(c *Component) *string { return &c.Version }),
		text("arch", func(c *Component) *string { return &c.Arch }),
		texts("path", func(c *Component) *[]string { return &c.Paths }),
		text("owner", func(c *Component) *string { return &c.Owner }),
		text("os-evidence", func(c *Component) *string { return &c.Evidence }),
		text("found-by", func(c *Component) *string { return &c.FoundBy }),
		text("install-reason", func(c *Component) *InstallReason { return &c.InstallReason }),
		texts("installer", func(c *Component) *[]string { return &c.Installers }),
		records("digest", func(c *Component) *[]Digest { return &c.Digests }),
		install(),
		number("files", func(c *Component) *int { return &c.Files }),
		number("layer", func(c *Component) *int { return &c.Layer }),
		text("fingerprint", func(c *Component) *string { return &c.Fingerprint }),
		text("detail", func(c *Component) *string { return &c.Detail }),
		text("source", func(c *Component) *string { return &c.Source }),
		number("installed-size", func(c *Component) *int64 { return &c.InstalledSize }),
		text("supplier", func(c *Component) *string { return &c.Supplier }),
		texts("license", func(c *Component) *[]string { return &c.Licenses }),
	}
}

func annotationFields() []field[Annotation] {
	return []field[Annotation]{
		text("provenance", func(a *Annotation) *string { return &a.Provenance }),
		text("evidence", func(a *Annotation) *string { return &a.Evidence }),
		{"lock", lockOf, setLock},
		text("why", func(a *Annotation) *string { return &a.Why }),
		text("artifact", func(a *Annotation) *string { return &a.Artifact }),
	}
}

func setFact[T any](fields []field[T], target *T, fact Fact) error {
	for _, f := range fields {
		if f.key != fact.Key {
			continue
		}
		if err := f.set(target, fact.Value); err != nil {
			return fmt.Errorf("%s%s: %w", FactPrefix, fact.Key, err)
		}
	}
	return nil
}

func text[T any, S ~string](key string, at func(*T) *S) field[T] {
	return field[T]{key,
		func(t *T) []string {
			if *at(t) == "" {
				return nil
			}
			return []string{Text(string(*at(t)))}
		},
		func(t *T, value string) error {
			s, err := ParseText(value)
			*at(t) = S(s)
			return err
		},
	}
}

func texts[T any](key string, at func(*T) *[]string) field[T] {
	return field[T]{key,
		func(t *T) []string {
			var out []string
			for _, s := range *at(t) {
				out = append(out, Text(s))
			}
			return out
		},
		func(t *T, value string) error {
			s, err := ParseText(value)
			*at(t) = append(*at(t), s)
			return err
		},
	}
}

func number[T any, N int | int64](key string, at func(*T) *N) field[T] {
	return field[T]{key,
		func(t *T) []string {
			if *at(t) == 0 {
				return nil
			}
			return []string{strconv.FormatInt(int64(*at(t)), 10)}
		},
		func(t *T, value string) error {
			n, err := strconv.ParseInt(value, 10, 64)
			*at(t) = N(n)
			return err
		},
	}
}

func record[T, R any](key string, at func(*T) *R) field[T] {
	return field[T]{key,
		func(t *T) []string { return []string{NewRecord(*at(t))} },
		func(t *T, value string) error { return ParseRecord(value, at(t)) },
	}
}

func records[T, R any](key string, at func(*T) *[]R) field[T] {
	return field[T]{key,
		func(t *T) []string {
			var out []string
			for _, r := range *at(t) {
				out = append(out, NewRecord(r))
			}
			return out
		},
		func(t *T, value string) error {
			var r R
			err := ParseRecord(value, &r)
			*at(t) = append(*at(t), r)
			return err
		},
	}
}

func install() field[Component] {
	return field[Component]{"install",
		func(c *Component) []string {
			if c.Install == nil {
				return nil
			}
			return []string{NewRecord(*c.Install)}
		},
		func(c *Component, value string) error {
			c.Install = new(Install)
			return ParseRecord(value, c.Install)
		},
	}
}

func lockOf(a *Annotation) []string {
	if a.LockFile == "" {
		return nil
	}
	return []string{Text(a.LockFile + ":" + strconv.Itoa(a.LockLine))}
}

func setLock(a *Annotation, value string) error {
	s, err := ParseText(value)
	if err != nil {
		return err
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return errors.New("want FILE:LINE")
	}
	a.LockFile = s[:i]
	a.LockLine, err = strconv.Atoi(s[i+1:])
	return err
}

// mapStrings replaces every string in v, a struct of strings, numbers, booleans,
// lists of strings and such structs.
func mapStrings(v reflect.Value, replace func(string) (string, error)) error {
	switch v.Kind() {
	case reflect.String:
		s, err := replace(v.String())
		if err != nil {
			return err
		}
		v.SetString(s)
	case reflect.Struct:
		for i := range v.NumField() {
			if err := mapStrings(v.Field(i), replace); err != nil {
				return err
			}
		}
	case reflect.Slice:
		// A copy: the document that is being encoded must not change.
		list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(list, v)
		for i := range list.Len() {
			if err := mapStrings(list.Index(i), replace); err != nil {
				return err
			}
		}
		if !v.IsNil() {
			v.Set(list)
		}
	}
	return nil
}
