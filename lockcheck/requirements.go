package lockcheck

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/version"
)

// Limits of requirements.txt. pip has none.
const (
	// maxLine bounds the length of one line with its continuations. The
	// longest in use have some hundred hashes of 80 bytes.
	maxLine = 1 << 20
	// maxIncludes bounds the nesting of -r and -c, and maxIncluded the number
	// of files of one lock: more is a mistake or an attack.
	maxIncludes = 16
	maxIncluded = 256
)

// parseRequirements parses pip's format
// (https://pip.pypa.io/en/stable/reference/requirements-file-format/) as pip
// does, with its includes. Environment variables are not expanded: a line that
// pip would expand is not exact.
func (l *Lock) parseRequirements(ctx context.Context, src *source) error {
	r := &requirements{lock: l, read: map[string]bool{}}
	if err := r.file(ctx, src, false); err != nil {
		return err
	}
	r.finish()
	return nil
}

// requirements is the state of parsing a file and its includes. Options apply to
// all of them, wherever they are.
type requirements struct {
	lock *Lock
	// chain has the files that are being parsed, outermost first.
	chain []string
	// read has the files that were parsed, as requirements and as constraints
	// apart: parsing one again adds nothing.
	read map[string]bool

	indexes   []string // in pip's order: the last --index-url drops those before
	findLinks []string
	noIndex   bool
	hashes    bool // --require-hashes
}

func (r *requirements) file(ctx context.Context, src *source, constraint bool) error {
	r.chain = append(r.chain, filepath.Clean(src.file))
	defer func() { r.chain = r.chain[:len(r.chain)-1] }()
	lines, err := logicalLines(src)
	if err != nil {
		return err
	}
	for i := range lines {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.line(ctx, &lines[i], constraint); err != nil {
			return err
		}
	}
	return nil
}

// line parses one logical line: a requirement with its options, or options.
func (r *requirements) line(ctx context.Context, line *logicalLine, constraint bool) error {
	words, opts, err := line.split()
	if err != nil {
		return err
	}
	if words.text != "" {
		for _, o := range opts {
			if !o.perRequirement {
				r.lock.problem(ProblemIgnored, line.src.file, line.number(), "", "pip ignores "+o.name+" after a requirement")
			}
		}
		return r.requirement(words, opts, constraint)
	}
	for _, o := range opts {
		if o.name == "--editable" {
			return r.editable(line, o, constraint)
		}
	}
	return r.options(ctx, line, opts)
}

func (r *requirements) options(ctx context.Context, line *logicalLine, opts []option) error {
	included := false
	for _, o := range opts {
		switch o.name {
		case "--requirement", "--constraint":
			if included {
				return line.errorf(o.offset, "put each on its own line", "a second include on one line, which pip ignores")
			}
			included = true
			if err := r.include(ctx, line, o); err != nil {
				return err
			}
		case "--index-url":
			r.indexes = []string{o.value}
			r.noteIndex(line, o)
		case "--extra-index-url":
			if len(r.indexes) == 0 {
				r.indexes = []string{""} // the default stays the first
			}
			r.indexes = append(r.indexes, o.value)
			r.noteIndex(line, o)
		case "--find-links":
			r.findLinks = append(r.findLinks, o.value)
			r.noteIndex(line, o)
		case "--no-index":
			r.noIndex = true
		case "--require-hashes":
			r.hashes = true
		case "--no-require-hashes":
			r.lock.problem(ProblemInsecure, line.src.file, line.number(), "", "--no-require-hashes: pip does not demand hashes")
		case "--trusted-host":
			r.lock.problem(ProblemInsecure, line.src.file, line.number(), "", "--trusted-host: pip does not verify the connection to "+quote(scrub(o.value)))
			r.lock.Notes[len(r.lock.Notes)-1].Host = o.value
		case "--hash":
			r.lock.problem(ProblemIgnored, line.src.file, line.number(), "", "pip ignores --hash without a requirement before it")
		}
	}
	return nil
}

func (r *requirements) noteIndex(line *logicalLine, o option) {
	url := scrub(o.value)
	if strings.Contains(o.value, "${") {
		r.lock.problem(ProblemVariable, line.src.file, line.number(), "", o.name+" is decided by an environment variable")
	}
	if !isDefault("pypi", o.value) {
		r.lock.problem(ProblemRegistry, line.src.file, line.number(), "", o.name+" takes packages from "+quote(url))
	}
}

// include parses the file of -r or -c, relative to the including file.
func (r *requirements) include(ctx context.Context, line *logicalLine, o option) error {
	target := o.value
	if location, ok := parseLocation(target); ok {
		if location.scheme != "file" || location.host != "" && location.host != "localhost" {
			return line.errorf(o.offset, "save it beside this file and include that", "include of %s: nothing is fetched", quote(scrub(target)))
		}
		target = unescape(location.path)
	} else if strings.Contains(target, "://") {
		return line.errorf(o.offset, "save it beside this file and include that", "include of %s: nothing is fetched", unreadableURL)
	} else if strings.Contains(target, "${") {
		return line.errorf(o.offset, "write the path itself", "the included file is decided by an environment variable")
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(line.src.file), target)
	}
	target = filepath.Clean(target)
	// As in pip, the kind of the nearest include counts, not that of the
	// including file.
	constraint := o.name == "--constraint"
	if i := slices.Index(r.chain, target); i >= 0 {
		return line.errorf(o.offset, "remove the include", "includes form a cycle: %s", strings.Join(append(slices.Clone(r.chain[i:]), target), " -> "))
	}
	if len(r.chain) >= maxIncludes {
		return line.errorf(o.offset, "include fewer levels", "includes nest deeper than %d files", maxIncludes)
	}
	key := target
	if constraint {
		key = "-c " + target
	}
	if r.read[key] {
		return nil
	}
	if len(r.read) >= maxIncluded {
		return line.errorf(o.offset, "include fewer files", "more than %d included files", maxIncluded)
	}
	r.read[key] = true
	src, err := r.lock.readFile(ctx, target)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return line.errorf(o.offset, "", "include: %v", err)
	}
	return r.file(ctx, src, constraint)
}

// finish sets the indexes from which pip takes each entry, and notes entries
// that contradict each other.
func (r *requirements) finish() {
	l := r.lock
	var registry Source
	var also []string
	indexes := r.indexes
	if r.noIndex {
		indexes = nil
	}
	for i, url := range indexes {
		if i == 0 {
			registry = registrySource("pypi", url)
		} else if url != "" {
			also = append(also, url)
		}
	}
	for _, url := range r.findLinks {
		if l, ok := parseLocation(url); ok && l.scheme != "file" {
			also = append(also, url)
		}
	}
	for i := range also {
		also[i] = scrub(also[i])
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Source.Kind == KindRegistry {
			e.Source.URL, e.Source.Registry, e.Source.Also = registry.URL, registry.Registry, also
		}
		if r.hashes && e.Version != "" && len(e.Hashes) == 0 && !e.Constraint {
			l.problem(ProblemNoHash, e.File, e.Line, e.Name, quote(e.Name)+" has no hash, which --require-hashes demands: pip refuses this file")
		}
	}
	l.noteContradictions()
}

// noteContradictions notes entries of one name with different versions or hashes
// and without a marker that selects one of them.
func (l *Lock) noteContradictions() {
	first := map[string]*Entry{}
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Marker != "" || e.Version == "" || e.Source.Kind != KindRegistry {
			continue
		}
		key := ecosystem.Canonical(e.Type, e.fullName())
		f := first[key]
		if f == nil {
			first[key] = e
			continue
		}
		same := version.Same(e.Type, f.Version, e.Version)
		if !same {
			l.problem(ProblemContradicts, e.File, e.Line, e.Name, quote(e.Name)+" is pinned to "+quote(e.Version)+" here and to "+quote(f.Version)+" at "+place(f))
		} else if len(f.Hashes) > 0 && len(e.Hashes) > 0 && !sameHashes(f.Hashes, e.Hashes) {
			l.problem(ProblemContradicts, e.File, e.Line, e.Name, quote(e.Name)+" has other hashes here than at "+place(f))
		}
	}
}
