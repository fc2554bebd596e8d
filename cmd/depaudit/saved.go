package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Saved reports: the one way from a word of the command line to the reports that it
// names. Every command that takes reports goes through it, so that a word means the same
// everywhere, and a fault has the same words:
//
//	FILE                the report in it, whatever it is called; "-" is standard input.
//	                    A link that is named is followed, a pipe is read once. The
//	                    report.json beside a release.json is that of the release.
//	DIR of a release    the report of the release, compared with its manifest
//	DIR                 the reports and releases in it and below, in order of path. The
//	                    content decides what is a report. What is hidden is not looked at.
//	release:REF         the report of the newest release in a registry
//	registry:REF        the reports of all releases there
//
// Nothing that can be a report is passed over in a directory: what is called .json and
// is no JSON was cut short, and is a report that cannot be read, as is a link or a pipe
// of that name, or a link to a directory elsewhere. JSON of other kinds is left out and named.
//
// Commands differ in what they make of it:
//
//	history, export, find --in       one by one; those that cannot be read are named, the
//	                                 others count, and the exit code is 3
//	report, release, update --from   merged as the jobs of one pipeline; the first one that
//	                                 cannot be read is a mistake: exit code 2. A
//	                                 repository (registry:) is many pipelines, and refused
//	diff and the questions           as these, or an environment, an SBOM or (diff) a
//	                                 baseline, by content; find has each report by itself
//	except --report                  as report
//	audit --baseline                 release:REF, or the file of a baseline
//
// saved is a report that is kept somewhere. Reports of many releases and nights are
// read one by one, and one that cannot be read is no reason to leave out the others.
type saved struct {
	// name is how messages name it: a path or a reference.
	name string
	// place is where it is kept as a path of slashes: that of the file, or
	// HOST/NAME/TAG/report.json in a registry.
	place string
	// release is the manifest of the release that it belongs to, nil for a report
	// that stands alone.
	release *bundle.Manifest
	// ref is its reference in a registry, empty for a file.
	ref string
	// listed is set if it was found in a directory.
	listed bool
	// once is set if its content can be read only once: standard input, or a pipe.
	once bool
	// open opens its content. What is wrong with the report is an error of open, or
	// of reading.
	open func(context.Context) (io.ReadCloser, error)
}

// read reads the whole report. Its errors begin with the name, and have a hint.
func (s *saved) read(ctx context.Context) (*audit.Report, error) {
	data, err := s.content(ctx)
	if err != nil {
		return nil, s.unread(err)
	}
	return s.parse(data)
}

// need reads the report of a command that ends without it. What is wrong with it is a
// mistake of the command line.
func (s *saved) need(ctx context.Context) (*audit.Report, error) {
	data, err := s.content(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && s.ref != "":
		return nil, ofRegistry(s.ref, err)
	case err != nil:
		return nil, usage(s.unread(err))
	}
	r, err := s.parse(data)
	if err != nil {
		return nil, usage(err)
	}
	return r, nil
}

// content reads the bytes of the report. Its errors are without the name.
func (s *saved) content(ctx context.Context) ([]byte, error) {
	r, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, audit.MaxSize+1))
	if err == nil && len(data) > audit.MaxSize {
		err = fmt.Errorf("more than %d bytes, and a report has less", audit.MaxSize)
	}
	return data, reasonOf(err)
}

// unread is the error for a report whose content could not be read.
func (s *saved) unread(err error) error {
	named := fmt.Errorf("%s: %w", s.name, err)
	if errors.Is(err, bundle.ErrChanged) {
		return &hinted{named, "run: depaudit release verify " + wording.ShellWord(filepath.Dir(s.name))}
	}
	return named
}

// parse returns the report of a content.
func (s *saved) parse(data []byte) (*audit.Report, error) {
	r, err := audit.Parse(s.name, data)
	if err == nil {
		return r, nil
	}
	text := bytes.TrimSpace(data)
	kind, _ := recognise(bytes.NewReader(data))
	is := func(what, hint string) error {
		return &hinted{fmt.Errorf("%s: not a report of depaudit audit -o json: it is %s", s.name, what), hint}
	}
	switch {
	case len(text) == 0:
		return nil, is("empty", "the program that writes it failed or was ended: get it again")
	case kind == fileArchive:
		return nil, is("compressed, or an archive", "extract it first, such as with: gunzip, tar -xf, unzip")
	case kind == fileBaseline:
		return nil, is("a baseline", "print it with: depaudit baseline show; depaudit diff compares it, as a file")
	case kind == fileSnapshot:
		return nil, is("a snapshot", "it is for depaudit audit --since")
	case kind == fileDocument:
		return nil, is("an SBOM or a statement", "depaudit find, top, why and diff take an SBOM, as a file or on standard input (-)")
	case text[0] != '{' && json.Valid(text):
		return nil, is("JSON of another kind", "name the file that -o json=FILE wrote")
	case text[0] != '{':
		return nil, &hinted{err, "name the file that -o json=FILE wrote"}
	case !wholeJSON(bytes.NewReader(data)):
		return nil, &hinted{err, "it was cut short or damaged: get it again, or make it again with: depaudit audit -o json=FILE"}
	case kind != fileReport:
		return nil, &hinted{err, "name the file that -o json=FILE wrote"}
	}
	if _, ok := errors.AsType[*audit.FormatError](err); ok {
		return nil, &hinted{err, "use a newer depaudit, or make it again with this one: depaudit audit -o json=FILE"}
	}
	return nil, &hinted{err, "it was edited, or is of another depaudit: make it again with: depaudit audit -o json=FILE"}
}

// eachSaved calls f for each report that the arguments name, each path once. It ends
// with the first error of f.
func (c *command) eachSaved(ctx context.Context, args []string, f func(saved) error) error {
	seen := make(map[string]bool)
	once := func(s saved, id string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if seen[id] {
			return nil
		}
		seen[id] = true
		return f(s)
	}
	each := func(s saved) error { return once(s, s.name) }
	if i := slices.Index(args, "-"); i >= 0 && slices.Contains(args[i+1:], "-") {
		return usage(&hinted{errors.New("standard input can be read once"), `give "-" once, and files for the other reports`})
	}
	for _, arg := range args {
		if _, ok := pushedRef(arg, true); ok {
			if err := c.eachPushed(ctx, arg, once); err != nil {
				return err
			}
			continue
		}
		if arg == "-" {
			if err := each(c.savedInput()); err != nil {
				return err
			}
			continue
		}
		path := filepath.Clean(arg)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return usage(noReport(arg, readable(path, err)))
		case info.IsDir():
			err = c.savedBelow(path, each)
		default:
			err = each(savedFile(path))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const inputName = "standard input"

// savedInput is the report on standard input.
func (c *command) savedInput() saved {
	return saved{name: inputName, place: inputName, once: true, open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(c.stdin), nil }}
}

// savedFile is the report in a file that an argument names. One of a release is that of
// the release.
func savedFile(path string) saved {
	if filepath.Base(path) == bundle.ReportFile {
		if s, ok := savedRelease(filepath.Dir(path)); ok {
			return s
		}
	}
	s := savedAt(path, nil)
	s.once = !isRegular(path)
	return s
}

// savedAt is the report in a file. That of a release is compared with the digest of
// its manifest.
func savedAt(path string, release *bundle.Manifest) saved {
	return saved{name: path, place: filepath.ToSlash(path), release: release, open: func(ctx context.Context) (io.ReadCloser, error) {
		f, err := openSaved(ctx, path)
		if err != nil {
			return nil, reasonOf(err)
		}
		if release == nil {
			return f, nil
		}
		return struct {
			io.Reader
			io.Closer
		}{release.Checked(bundle.ReportFile, f), f}, nil
	}}
}

// openSaved opens a file, or a pipe that an argument names. A pipe without a writer
// would block until there is one, and nothing could interrupt that.
func openSaved(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.Mode()&fs.ModeNamedPipe == 0 {
		return f, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	// The end of a pipe without a name, as in <(...), has been opened by its writer.
	_, unnamed := filepath.EvalSymlinks(path)
	begun := unnamed != nil || strings.HasPrefix(path, "/dev/fd/")
	read := func(p []byte) (int, error) {
		for {
			n, err := f.Read(p)
			if begun = begun || n > 0; ctx.Err() != nil {
				return n, ctx.Err()
			}
			if begun || !errors.Is(err, io.EOF) {
				return n, err
			}
			select {
			case <-ctx.Done():
			case <-time.After(pipeWait):
			}
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{readerFunc(read), closerFunc(func() error { stop(); return f.Close() })}, nil
}

// pipeWait is the time between two looks for a program that writes to a pipe.
const pipeWait = 20 * time.Millisecond

// closerFunc is a closer that is a function.
type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// savedBelow calls each for the reports and releases in a directory and below.
func (c *command) savedBelow(dir string, each func(saved) error) error {
	found := 0
	var others []string
	report := func(s saved) error {
		found++
		s.listed = true
		return each(s)
	}
	// A link to a directory is followed where it is an argument, and nowhere else.
	err := filepath.WalkDir(dir+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		hidden := path != dir && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil && path == dir:
			return trouble(readable(path, err))
		case hidden && d.IsDir():
			return fs.SkipDir // of git, or what a killed program left
		case hidden:
			return nil
		case err != nil: // a directory below, which may have reports
			if err := report(unreadable(path, reasonOf(err))); err != nil {
				return err
			}
			return fs.SkipDir
		case d.IsDir():
			s, ok := savedRelease(path)
			if !ok {
				return nil
			}
			if err := report(s); err != nil {
				return err
			}
			return fs.SkipDir
		}
		s, other := savedIn(dir, path, d.Type())
		if s == nil && d.Type()&fs.ModeSymlink != 0 && !leadsBelow(dir, path) {
			s, other = linkedDir(dir, path)
		}
		if other != "" {
			others = append(others, other)
		}
		if s == nil {
			return nil
		}
		return report(*s)
	})
	if err != nil {
		return err
	}
	if n := len(others); n > 0 {
		fmt.Fprintf(c.stderr, "depaudit: %s: %s left out: %s\n", terminal.Escape(dir),
			wording.Count(n, "file that is not a report is", "files that are not reports are"), terminal.Enumerate(others, othersWidth))
	}
	if found == 0 {
		return usage(&hinted{fmt.Errorf("%s: no report in the directory or below", dir),
			"a job writes one with: depaudit audit -o json=" + wording.ShellWord(filepath.Join(dir, "NAME.json"))})
	}
	return nil
}

// othersWidth is the width of the names of what is left out.
const othersWidth = 200

// savedIn returns the report that a file in a directory is or can be, or the name of
// another one that is to be mentioned.
func savedIn(dir, path string, mode fs.FileMode) (s *saved, other string) {
	named := filepath.Ext(path) == ".json"
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		rel = path
	}
	switch {
	case mode&fs.ModeSymlink != 0 && leadsBelow(dir, path):
		return nil, "" // to what is read there
	case !mode.IsRegular() && named:
		s := unreadable(path, errors.New("is "+typeText(mode)+", which is not read in a directory: name it as an argument"))
		return &s, ""
	case !mode.IsRegular():
		return nil, ""
	}
	kind, err := recogniseFile(path)
	switch {
	case kind == fileReport, named && err != nil, named && kind != fileReport && !isJSON(path):
		s := savedAt(path, nil) // which has the error, if there is one
		return &s, ""
	case named, slices.ContainsFunc([]string{".json.gz", ".json.zst", ".json.xz", ".json.bz2"}, func(ext string) bool { return strings.HasSuffix(path, ext) }):
		return nil, rel
	}
	return nil, ""
}

// linkedDir returns what is known of a link that is called as no report: releases can be
// in a directory elsewhere. One that leads nowhere is mentioned.
func linkedDir(dir, path string) (s *saved, other string) {
	switch info, err := os.Stat(path); {
	case err != nil:
		if other, err = filepath.Rel(dir, path); err != nil {
			other = path
		}
		return nil, other
	case info.IsDir():
		s := unreadable(path, errors.New("is a symbolic link to a directory elsewhere, which is not followed: name it as an argument"))
		return &s, ""
	}
	return nil, ""
}

// leadsBelow reports whether a link leads to something in a directory or below that is
// looked at there, and so is not hidden.
func leadsBelow(dir, link string) bool {
	target, err := filepath.EvalSymlinks(link)
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(real, target)
	return err == nil && (rel == "." || filepath.IsLocal(rel) && !strings.Contains("/"+filepath.ToSlash(rel), "/."))
}

// unreadable is a report that cannot be read.
func unreadable(path string, err error) saved {
	return saved{name: path, place: filepath.ToSlash(path), open: func(context.Context) (io.ReadCloser, error) { return nil, err }}
}

// savedRelease returns the report of the release in a directory, if one is there. With
// a manifest that cannot be read, by this version or at all, it is one that cannot be
// read. A release.json without a report, or of another program, makes no release.
func savedRelease(dir string) (saved, bool) {
	path, manifest := filepath.Join(dir, bundle.ReportFile), filepath.Join(dir, bundle.ManifestFile)
	info, err := os.Lstat(path)
	if err != nil {
		return saved{}, false
	}
	m, err := readManifest(manifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return saved{}, false
	case err != nil:
		if info, err := os.Lstat(manifest); err == nil && info.Mode().IsRegular() {
			if kind, err := recogniseFile(manifest); err == nil && kind != fileManifest && isJSON(manifest) {
				return saved{}, false
			}
		}
		s := unreadable(path, fmt.Errorf("%s: %w", bundle.ManifestFile, reasonOf(err)))
		return s, true
	case !info.Mode().IsRegular():
		return unreadable(path, errors.New("is "+typeText(info.Mode())+": a release has files alone")), true
	}
	return savedAt(path, &m), true
}

// readManifest reads the manifest of a release in an untrusted directory, in which a
// pipe never ends, and a link may lead to a device.
func readManifest(path string) (bundle.Manifest, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return bundle.Manifest{}, err
	case !info.Mode().IsRegular():
		return bundle.Manifest{}, errors.New("is " + typeText(info.Mode()) + ": a release has files alone")
	case info.Size() > bundle.MaxManifest:
		return bundle.Manifest{}, fmt.Errorf("has %d bytes, and a manifest at most %d", info.Size(), bundle.MaxManifest)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return bundle.Manifest{}, err
	}
	return bundle.ReadManifest(data)
}

// maxDepth is the largest depth of JSON, that of encoding/json for a whole value.
const maxDepth = 10_000

// isJSON reports whether a file is a text of JSON, whole. One that is larger than any
// report, or nested deeper than any JSON that is read, is not known to be one.
func isJSON(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > audit.MaxSize {
		return false
	}
	return wholeJSON(f)
}

// wholeJSON reports whether a text is JSON to its end.
func wholeJSON(r io.Reader) bool {
	b := bufio.NewReader(r)
	if head, err := b.Peek(1); err != nil || bytes.IndexByte([]byte("{[ \t\r\n\""), head[0]) < 0 {
		return false
	}
	d := json.NewDecoder(b)
	for depth := 0; ; {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF): // also of a text that ends within an object
			return d.InputOffset() > 0 && depth == 0
		case err != nil, depth > maxDepth:
			return false
		case token == json.Delim('{'), token == json.Delim('['):
			depth++
		case token == json.Delim('}'), token == json.Delim(']'):
			depth--
		}
	}
}
