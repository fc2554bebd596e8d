package lockcheck

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// format is a format of lock files.
type format struct {
	// Name is that of [Lock.Format]: the name of the format's best-known file.
	Name string
	// Tool is the program that writes it.
	Tool string
	// Types are the package URL types of its entries.
	Types []string
	// Names are patterns of path.Match for the names of its files.
	Names []string
	// Strongest is the strongest evidence that a lock of this format gives by
	// itself, without the artifact. It depends on the hashes in the lock and on
	// those that the ecosystem's installers record beside what they install.
	Strongest Evidence

	// parse adds the entries of a file to the lock. It is nil for a format that
	// is recognised and not read yet.
	parse func(*Lock, context.Context, *source) error
	// definition is true for a file that names what a stage runs on, which its
	// environment does not show: actions, images, hooks. That it pins nothing
	// installed is no finding.
	definition bool
	// sniff reports whether content is of this format; nil for never.
	sniff func(head, data []byte) bool
	// own reports whether the head of a file is of this format and of no other,
	// which is then an error under the name of another format; nil for never.
	own func(head []byte) bool
	// named reports whether a path, with slashes, is that of such a file. It
	// is nil where Names describe them fully.
	named func(file string) bool
}

// readFormats returns the formats that are read.
func readFormats() []format {
	return slices.DeleteFunc(slices.Clone(formats()), func(f format) bool { return f.parse == nil })
}

func fromJSON(parse func(*Lock, *document) error) func(*Lock, context.Context, *source) error {
	return func(l *Lock, ctx context.Context, src *source) error {
		doc, err := parseJSON(ctx, src)
		if err != nil {
			return err
		}
		return doc.walk(l, parse)
	}
}

// fromJSONC is for JSON with comments and trailing commas.
func fromJSONC(parse func(*Lock, *document) error) func(*Lock, context.Context, *source) error {
	return func(l *Lock, ctx context.Context, src *source) error {
		doc, err := parseJSON(ctx, plainJSON(src))
		if err != nil {
			return err
		}
		return doc.walk(l, parse)
	}
}

func fromTOML(parse func(*Lock, *document) error) func(*Lock, context.Context, *source) error {
	return func(l *Lock, _ context.Context, src *source) error {
		doc, err := parseTOML(src)
		if err != nil {
			return err
		}
		return parse(l, doc)
	}
}

func fromYAML(parse func(*Lock, *document) error) func(*Lock, context.Context, *source) error {
	return func(l *Lock, ctx context.Context, src *source) error {
		docs, err := parseYAML(ctx, src)
		if err != nil {
			return err
		}
		if len(docs) != 1 {
			return docs[1].errorf(docs[1].root.offset, "write the lock again with its tool", "a second YAML document begins here")
		}
		if docs[0].root.kind == nodeNull {
			docs[0].root = &node{kind: nodeObject} // an empty file
		}
		return docs[0].walk(l, parse)
	}
}

// walk calls the parser of a format, of all of which the root is an object: of
// another one they would find nothing in it, and an empty lock.
func (d *document) walk(l *Lock, parse func(*Lock, *document) error) error {
	if d.root.kind != nodeObject {
		return d.errorf(d.root.offset, "create the file again with its tool", "a %s is %s, not %s", l.Format, nodeObject, d.root.kind)
	}
	return parse(l, d)
}

// mark recognises the head of a file by a regular expression that only files of
// one format match.
func mark(pattern string) func(head []byte) bool {
	return lazyregexp.New(pattern).Match
}

// sniffJSON recognises an object with a key that only this format has.
func sniffJSON(key string) func(head, data []byte) bool {
	object := lazyregexp.New(`^\s*\{`)
	return func(head, _ []byte) bool { return object.Match(head) && bytes.Contains(head, []byte(key)) }
}

// sniffLine recognises a line anywhere, together with a text.
func sniffLine(line, text string) func(head, data []byte) bool {
	pattern := lazyregexp.New(line)
	return func(_, data []byte) bool { return bytes.Contains(data, []byte(text)) && pattern.Match(data) }
}

// findFormat returns the format of a file: by its name, or else by a line in its
// content that only the format's own tool writes. A file whose content is that
// of another tool is an error, whatever its name.
func findFormat(src *source) (format, error) {
	head := bytes.TrimPrefix(src.data[:min(len(src.data), 4<<10)], []byte("\ufeff"))
	all := formats()
	named := slices.IndexFunc(all, func(f format) bool { return f.hasName(src.file) })
	own := slices.IndexFunc(all, func(f format) bool { return f.own != nil && f.own(head) })
	switch {
	case named >= 0 && all[named].parse == nil:
		return format{}, unreadError(src.file, "the format of "+all[named].Tool)
	case own >= 0 && own != named && all[own].parse == nil:
		return format{}, unreadError(src.file, "by its content a "+all[own].Name+", the format of "+all[own].Tool)
	case named >= 0 && own >= 0 && own != named:
		return format{}, fmt.Errorf("%s: by its name a %s, by its content a %s; give the file the name of its format", src.file, all[named].Name, all[own].Name)
	case named >= 0:
		return all[named], nil
	case own >= 0:
		return all[own], nil
	}
	if i := slices.IndexFunc(all, func(f format) bool { return f.sniff != nil && f.sniff(head, src.data) }); i >= 0 {
		return all[i], nil
	}
	return format{}, fmt.Errorf("%s: not recognised as a lock file, neither by its name nor by its content; the names of those read are %s", src.file, formatNames())
}

// unreadName returns an error for a file that is by its name of a format that is
// recognised and not read. Its content is not needed: it can be binary.
func unreadName(file string) error {
	all := formats()
	if i := slices.IndexFunc(all, func(f format) bool { return f.hasName(file) }); i >= 0 && all[i].parse == nil {
		return unreadError(file, "the format of "+all[i].Tool)
	}
	return nil
}

func unreadError(file, what string) error {
	return fmt.Errorf("%s: not a lock file that is known to this version: it is %s, which is not read yet; remove it from `locks:`, or lock in a format that is read: %s", file, what, formatNames())
}

// formatNames returns the names of the files that are read.
func formatNames() string {
	var names []string
	for _, f := range readFormats() {
		names = append(names, f.Names...)
	}
	return strings.Join(names, ", ")
}

func (f format) hasName(file string) bool {
	file = filepath.ToSlash(file)
	if f.named != nil {
		return f.named(file)
	}
	return slices.ContainsFunc(f.Names, func(pattern string) bool {
		ok, err := path.Match(pattern, path.Base(file))
		return err == nil && ok
	})
}

// isRequirementsName accepts the names by which pip's users recognise the
// format, which has none of its own, and those of Rye's lock files
// (requirements.lock, requirements-dev.lock).
func isRequirementsName(file string) bool {
	base := path.Base(file)
	if path.Ext(base) == ".lock" {
		return strings.HasPrefix(base, "requirements")
	}
	return path.Ext(base) == ".txt" &&
		(strings.Contains(base, "requirements") || strings.Contains(base, "constraints") || path.Base(path.Dir(file)) == "requirements")
}

// isPylockName accepts the names of PEP 751, "File Name".
func isPylockName(file string) bool {
	middle, ok := strings.CutPrefix(path.Base(file), "pylock.")
	return ok && (middle == "toml" || strings.HasSuffix(middle, ".toml") && strings.Count(middle, ".") == 1 && middle != ".toml")
}

// isWorkflowName accepts the files of .github/workflows and the metadata files of
// actions
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax).
func isWorkflowName(file string) bool {
	base := path.Base(file)
	if base == "action.yml" || base == "action.yaml" {
		return true
	}
	ext := path.Ext(base)
	return (ext == ".yml" || ext == ".yaml") && strings.HasSuffix("/"+path.Dir(file), "/.github/workflows")
}
