// Package pear parses the registry files of PEAR and PECL: a PHP array in the
// format of PHP's function serialize
// (https://www.phpinternalsbook.com/php5/classes_objects/serialization.html).
package pear

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Package is what the registry says about one package.
type Package struct {
	Name, Channel, Version string
	// Files are the paths of the installed files, sorted.
	Files []string
}

// maxDepth is the depth of nested arrays. Registry files use six levels.
const maxDepth = 64

// Parse parses a registry file.
func Parse(data string) (Package, error) {
	d := decoder{rest: data}
	v, err := d.value(0)
	if err != nil {
		return Package{}, fmt.Errorf("a PEAR registry file, at byte %d: %w", len(data)-len(d.rest), err)
	}
	entry, ok := v.(map[string]any)
	if !ok {
		return Package{}, errors.New("a PEAR registry file that is not an array")
	}
	p := Package{Name: text(entry["name"]), Channel: text(entry["channel"])}
	if p.Name == "" {
		return Package{}, errors.New("a PEAR registry file without a name")
	}
	if version, ok := entry["version"].(map[string]any); ok {
		p.Version = text(version["release"])
	}
	if files, ok := entry["filelist"].(map[string]any); ok {
		for _, file := range files {
			if f, ok := file.(map[string]any); ok && text(f["installed_as"]) != "" {
				p.Files = append(p.Files, text(f["installed_as"]))
			}
		}
		slices.Sort(p.Files)
	}
	return p, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

type decoder struct{ rest string }

// value decodes one value: a string, an array as a map, anything else as nil.
func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	if len(d.rest) < 2 {
		return nil, errors.New("it ends too early")
	}
	kind := d.rest[0]
	switch kind {
	case 'N': // N;
		return nil, d.skip("N;")
	case 'b', 'i', 'd': // i:1;
		_, err := d.until(';')
		return nil, err
	case 's': // s:3:"abc";
		return d.text()
	case 'a': // a:1:{key;value;}
		return d.array(depth)
	}
	return nil, fmt.Errorf("a value of type %q", kind)
}

func (d *decoder) skip(s string) error {
	rest, ok := strings.CutPrefix(d.rest, s)
	if !ok {
		return fmt.Errorf("no %q", s)
	}
	d.rest = rest
	return nil
}

func (d *decoder) until(c byte) (string, error) {
	i := strings.IndexByte(d.rest, c)
	if i < 0 {
		return "", fmt.Errorf("no %q", c)
	}
	s := d.rest[:i]
	d.rest = d.rest[i+1:]
	return s, nil
}

// length reads the number after a type: "s:3:".
func (d *decoder) length() (int, error) {
	d.rest = d.rest[1:]
	if err := d.skip(":"); err != nil {
		return 0, err
	}
	s, err := d.until(':')
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > len(d.rest) {
		return 0, fmt.Errorf("a length of %q", s)
	}
	return n, nil
}

func (d *decoder) text() (any, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	if err := d.skip(`"`); err != nil {
		return nil, err
	}
	if n > len(d.rest) {
		return nil, errors.New("it ends too early")
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s, d.skip(`";`)
}

func (d *decoder) array(depth int) (any, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	if err := d.skip("{"); err != nil {
		return nil, err
	}
	m := make(map[string]any)
	for range n {
		key, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if k, ok := key.(string); ok {
			m[k] = v
		}
	}
	return m, d.skip("}")
}
