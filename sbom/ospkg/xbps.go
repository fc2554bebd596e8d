package ospkg

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// xbps is Void's: a property list of the packages by name, and one of the files
// of each (lib/pkgdb.c and lib/package_msg.c of xbps).
const (
	xbpsDir = "/var/db/xbps"
	xbpsDB  = xbpsDir + "/pkgdb-0.38.plist"
)

// openXBPS reads the database of xbps; nil when there is none.
func openXBPS(ctx context.Context, s system) (*DB, error) {
	n, err := s.file(xbpsDB, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	s.at = s.tree.Path(s.tree.Parent(n))
	file := s.tree.Path(n)
	top, err := s.plist(n)
	if err != nil {
		return nil, err
	}
	var packages []*listedPackage
	var without []string
	for name, value := range top.entries {
		if strings.HasPrefix(name, "_XBPS_") {
			continue // alternatives, the package manager's own settings
		}
		full := value.text("pkgver")
		version, ok := strings.CutPrefix(full, name+"-")
		if !ok {
			return nil, &parseError{File: file, Msg: fmt.Sprintf("%s is not a version of package %s", excerpt(full), excerptPlain(name))}
		}
		if err := checkListed(name, version); err != nil {
			return nil, &parseError{File: file, Msg: err.Error()}
		}
		if state := value.text("state"); state == "not-installed" || state == "config-files" {
			s.Excluded = append(s.Excluded, sbom.Exclusion{Path: file, Name: name, Version: version, Reason: sbom.ExcludedNotInstall, Detail: state, Count: 1})
			continue
		}
		p := &listedPackage{purlType: "xbps", name: name, version: version, arch: value.text("architecture"), file: file, own: rootfs.None, reason: sbom.ReasonExplicit,
			supplier: sbom.Statement(value.text("maintainer")), licenses: sbom.Statements(value.text("license"))}
		if value.entries["automatic-install"].kind == "true" {
			p.reason = sbom.ReasonDependency
		}
		for _, need := range value.entries["run_depends"].items {
			if end := strings.IndexAny(need.value, "<>="); end > 0 {
				p.needs = append(p.needs, need.value[:end])
			} else if end := strings.LastIndexByte(need.value, '-'); end > 0 {
				p.needs = append(p.needs, need.value[:end])
			}
		}
		list := s.tree.Child(s.tree.Parent(n), "."+name+"-files.plist")
		if list == rootfs.None {
			without = append(without, name)
		} else if err := s.xbpsFiles(list, p); err != nil {
			s.gap(gapKind(err, sbom.GapUnreadable), s.tree.Path(list), "file list of package %s: %v", name, err)
		}
		packages = append(packages, p)
	}
	s.noLists(s.at, without)
	return s.openListed(ctx, packages, []place{{"xbps", s.at, func(name string) bool { return strings.HasSuffix(name, ".plist") }}})
}

func (s *system) xbpsFiles(list rootfs.Node, p *listedPackage) error {
	top, err := s.plist(list)
	if err != nil {
		return err
	}
	p.own = list
	for _, key := range []string{"files", "conf_files", "links", "dirs"} {
		for _, f := range top.entries[key].items {
			if path := f.text("file"); path != "" {
				p.files = append(p.files, path)
			}
		}
	}
	return nil
}

// plist is a value of a property list.
type plist struct {
	kind    string // "dict", "array", "string", "true", ...
	value   string
	entries map[string]plist
	items   []plist
}

func (p plist) text(key string) string { return p.entries[key].value }

func (s *system) plist(n rootfs.Node) (plist, error) {
	data, err := s.tree.ReadFile(n, maxFile)
	if err != nil {
		return plist{}, err
	}
	out, err := parsePlist(strings.NewReader(string(data)))
	if err == nil && out.kind != "dict" {
		err = errors.New("is not a dictionary")
	}
	if err != nil {
		return plist{}, &parseError{File: s.tree.Path(n), Msg: "property list: " + err.Error()}
	}
	return out, nil
}

// maxPlistDepth is the nesting of a property list; those of xbps have four levels.
const maxPlistDepth = 32

// parsePlist parses an XML property list. Entities are those of XML alone.
func parsePlist(r io.Reader) (plist, error) {
	d := xml.NewDecoder(r)
	for {
		t, err := d.Token()
		if err != nil {
			return plist{}, err
		}
		if start, ok := t.(xml.StartElement); ok && start.Name.Local != "plist" {
			return parsePlistValue(d, start, 1)
		}
	}
}

func parsePlistValue(d *xml.Decoder, start xml.StartElement, depth int) (plist, error) {
	if depth > maxPlistDepth {
		return plist{}, fmt.Errorf("more than %d levels", maxPlistDepth)
	}
	out := plist{kind: start.Name.Local}
	if out.kind == "dict" {
		out.entries = map[string]plist{}
	}
	key, keyed := "", false
	var text strings.Builder
	for {
		t, err := d.Token()
		if err != nil {
			return plist{}, err
		}
		switch t := t.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if out.entries == nil && out.kind != "array" {
				out.value = text.String()
			}
			return out, nil
		case xml.StartElement:
			v, err := parsePlistValue(d, t, depth+1)
			switch {
			case err != nil:
				return plist{}, err
			case out.kind == "array":
				out.items = append(out.items, v)
			case out.kind != "dict":
				return plist{}, fmt.Errorf("an element in <%s>", out.kind)
			case v.kind == "key" && !keyed:
				key, keyed = v.value, true
				if _, twice := out.entries[key]; twice {
					return plist{}, fmt.Errorf("the key %s occurs twice", excerpt(key))
				}
			case v.kind == "key" || !keyed:
				return plist{}, errors.New("a dictionary without pairs of key and value")
			default:
				out.entries[key], keyed = v, false
			}
		}
	}
}
