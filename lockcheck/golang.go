package lockcheck

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// parseGo parses go.sum and the go.mod beside it, whichever of the two was
// named, or go.work.sum and go.work
// (https://go.dev/ref/mod#go-sum-files). Only a hash of module content
// pins a module: a "/go.mod" line is the hash of that one file.
//
// A requirement without a hash in go.sum is an entry of go.mod, by version
// only. A module that go.mod replaces is never pinned under its own name. Its
// replacement has a line in go.sum, unless it is a local directory.
func (l *Lock) parseGo(ctx context.Context, src *source) error {
	base := filepath.Base(src.file)
	dir := filepath.Dir(src.file)
	sum, mod := src, (*source)(nil)
	var err error
	switch base {
	case "go.mod":
		mod = src
		sum, err = l.readBeside(ctx, dir, "go.sum")
	case "go.work.sum":
		mod, err = l.readBeside(ctx, dir, "go.work")
	default:
		mod, err = l.readBeside(ctx, dir, "go.mod")
	}
	if err != nil {
		return err
	}
	direct := map[string]bool{}
	replaced := map[string]*modfile.Replace{}
	var file *modfile.File
	if mod != nil {
		if file, err = parseGoMod(mod, base == "go.work.sum", direct, replaced); err != nil {
			return err
		}
	}
	if sum != nil {
		if err := l.parseGoSum(ctx, sum, direct); err != nil {
			return err
		}
	}
	if file != nil {
		l.goRequirements(mod, file, replaced)
	}
	l.markReplaced(replaced, mod)
	return nil
}

// readBeside reads a file in the same directory. It returns nil when there is
// none.
func (l *Lock) readBeside(ctx context.Context, dir, name string) (*source, error) {
	src, err := l.readFile(ctx, filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return src, err
}

// maxGoMod bounds the size of go.mod: x/mod's parser takes time in the square of
// the number of lines of some blocks, and the largest in use have 100 KB.
const maxGoMod = 4 << 20

// maxGoSumLine bounds a line of go.sum. The longest in use have 200 bytes.
const maxGoSumLine = 1280

func parseGoMod(src *source, work bool, direct map[string]bool, replaced map[string]*modfile.Replace) (*modfile.File, error) {
	if len(src.data) > maxGoMod {
		return nil, &SyntaxError{File: src.file, Line: 1, Msg: "larger than 4 MiB, the limit for go.mod"}
	}
	if work {
		f, err := modfile.ParseWork(src.file, src.data, nil)
		if err != nil {
			return nil, goModError(src, err)
		}
		for _, r := range f.Replace {
			replaced[r.Old.String()] = r
		}
		return nil, nil
	}
	f, err := modfile.ParseLax(src.file, src.data, nil)
	if err != nil {
		return nil, goModError(src, err)
	}
	// ParseLax ignores replace directives, which are needed here; Parse refuses
	// directives of a newer Go, which are not.
	if full, err := modfile.Parse(src.file, src.data, nil); err == nil {
		f = full
	} else if hasReplace(f) {
		return nil, goModError(src, err)
	}
	for _, r := range f.Require {
		direct[r.Mod.Path] = !r.Indirect
	}
	for _, r := range f.Replace {
		replaced[r.Old.String()] = r
	}
	return f, nil
}

func hasReplace(f *modfile.File) bool {
	for _, statement := range f.Syntax.Stmt {
		switch s := statement.(type) {
		case *modfile.Line:
			if len(s.Token) > 0 && s.Token[0] == "replace" {
				return true
			}
		case *modfile.LineBlock:
			if len(s.Token) > 0 && s.Token[0] == "replace" {
				return true
			}
		}
	}
	return false
}

func goModError(src *source, err error) error {
	var list modfile.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		e := list[0]
		msg := "malformed"
		if e.Err != nil {
			msg = e.Err.Error()
		}
		if len(msg) > maxQuoted {
			msg = msg[:maxQuoted] + "…"
		}
		return &SyntaxError{File: src.file, Line: max(e.Pos.Line, 1), Column: e.Pos.LineRune, Msg: msg}
	}
	return &SyntaxError{File: src.file, Line: 1, Msg: "malformed", Hint: "run go mod tidy"}
}

// parseGoSum parses lines of module, version and hash.
func (l *Lock) parseGoSum(ctx context.Context, src *source, direct map[string]bool) error {
	first := map[string]Hash{}
	for i, start := range src.lines {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		end := len(src.data)
		if i+1 < len(src.lines) {
			end = src.lines[i+1] - 1
		}
		if end-start > maxGoSumLine {
			return src.errorf(start, "create it again with go mod tidy", "a line longer than %d bytes", maxGoSumLine)
		}
		fields := strings.Fields(string(src.data[start:end]))
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 {
			return src.errorf(start, "create it again with go mod tidy", "a line of go.sum has a module, a version and a hash; this one, of %s, has %d fields", quote(fields[0]), len(fields))
		}
		hash, known := strings.CutPrefix(fields[2], "h1:")
		if !known {
			continue // go ignores unknown hashes
		}
		if raw, err := base64.StdEncoding.DecodeString(hash); err != nil || len(raw) != 32 {
			return src.errorf(start, "create it again with go mod tidy", "the hash of %s has the wrong form", quote(fields[0]))
		}
		h := Hash{Algorithm: "h1", Value: hash}
		key := fields[0] + " " + fields[1]
		have, twice := first[key]
		if twice && have != h {
			return src.errorf(start, "find the correct one with go mod verify", "%s has two hashes", quote(key))
		}
		if first[key] = h; twice || strings.HasSuffix(fields[1], "/go.mod") {
			continue
		}
		e := Entry{Type: "golang", Version: fields[1], Hashes: []Hash{h}, Source: Source{Kind: KindRegistry}, File: src.file, Line: i + 1, Direct: direct[fields[0]]}
		e.Namespace, e.Name = ecosystem.Split("golang", fields[0])
		l.add(e)
	}
	return nil
}

// goRequirements adds the requirements of go.mod for which go.sum has no hash,
// and those that it replaces by a local directory.
func (l *Lock) goRequirements(src *source, f *modfile.File, replaced map[string]*modfile.Replace) {
	have := map[string]bool{}
	for i := range l.Entries {
		have[l.Entries[i].fullName()+"@"+l.Entries[i].Version] = true
	}
	for _, r := range f.Require {
		if have[r.Mod.Path+"@"+r.Mod.Version] {
			continue
		}
		e := Entry{Type: "golang", Version: r.Mod.Version, Source: Source{Kind: KindRegistry}, File: src.file, Line: max(r.Syntax.Start.Line, 1), Direct: !r.Indirect}
		e.Namespace, e.Name = ecosystem.Split("golang", r.Mod.Path)
		if by := replacement(replaced, r.Mod); by != nil {
			e.Source = Source{Kind: KindReplace, URL: by.New.String()}
			if by.New.Version == "" {
				e.Source = Source{Kind: KindPath, URL: by.New.Path}
			}
		}
		l.add(e)
	}
}

func replacement(replaced map[string]*modfile.Replace, m module.Version) *modfile.Replace {
	if r := replaced[m.String()]; r != nil {
		return r
	}
	return replaced[m.Path]
}

// markReplaced records a flaw of each replaced module, for which go.sum can still
// have a hash, and the kind of source of each replacement.
func (l *Lock) markReplaced(replaced map[string]*modfile.Replace, src *source) {
	if len(replaced) == 0 {
		return
	}
	news := map[string]*modfile.Replace{}
	for _, r := range replaced {
		if r.New.Version != "" {
			news[r.New.String()] = r
		}
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		m := module.Version{Path: e.fullName(), Version: e.Version}
		if news[m.String()] != nil {
			if e.Source.Kind == KindRegistry {
				e.Source.Kind = KindReplace
			}
			continue
		}
		if r := replacement(replaced, m); r != nil {
			e.flaw = flaw{Replaced, quote(m.String()) + " is replaced by " + quote(r.New.String()) + " in " + src.file + ":" + itoa(r.Syntax.Start.Line)}
			l.problem(ProblemReplaced, e.File, e.Line, e.Name, e.flaw.detail)
		}
	}
}
