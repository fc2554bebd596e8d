package diff

import (
	"fmt"
	"slices"
	"strings"
)

// FileKind is the kind of a [File].
type FileKind string

const (
	RegularFile FileKind = "file"
	Directory   FileKind = "directory"
	Link        FileKind = "link"
	SpecialFile FileKind = "special file"
)

// File is one entry of the file tree of an environment, with what its installer
// made of it. Times are not part of it. Strings have the form of a document.
type File struct {
	Path string   `json:"path"`
	Kind FileKind `json:"kind"`
	// Mode is octal with the set-id bits ("4755"), Owner the numbers of user and
	// group ("0:0"); empty where the system has none.
	Mode  string `json:"mode,omitempty"`
	Owner string `json:"owner,omitempty"`
	// Size in bytes, and "blake3:" and the digest of the content, of a regular
	// file.
	Size   int64  `json:"size,omitempty"`
	Digest string `json:"digest,omitempty"`
	// Target is the text of a symbolic link.
	Target string `json:"target,omitempty"`
	// Capabilities is the extended attribute in hexadecimal.
	Capabilities string `json:"capabilities,omitempty"`
	// Component is the label of the package that accounts for the file, empty for
	// none.
	Component string `json:"component,omitempty"`
	// Problem is why the file could not be read, empty if it was.
	Problem string `json:"problem,omitempty"`
}

// FileDifference is the difference of two environments by their files.
type FileDifference struct {
	// Before and After are the numbers of entries, directories included. Same of
	// them are equal.
	Before int `json:"before"`
	After  int `json:"after"`
	Same   int `json:"same"`
	// Unowned counts those that no package accounts for, without directories.
	Unowned struct {
		Before int `json:"before"`
		After  int `json:"after"`
		Same   int `json:"same"`
	} `json:"unowned"`
	// The lists are sorted by path.
	Changed []FileChange `json:"changed,omitempty"`
	Removed []File       `json:"removed,omitempty"`
	Added   []File       `json:"added,omitempty"`
	// Unread are the paths that could not be compared, with the reason.
	Unread []UnreadFile `json:"unread,omitempty"`
}

// FileChange is one path with two different entries.
type FileChange struct {
	// What differs: "content", "mode", "owner", "link", "kind", "capabilities".
	What   []string `json:"what"`
	Before File     `json:"before"`
	After  File     `json:"after"`
}

// UnreadFile is a path that could not be compared.
type UnreadFile struct {
	Path   string `json:"path"`
	Detail string `json:"detail"`
}

// Empty reports whether there is no difference.
func (d *FileDifference) Empty() bool { return len(d.Changed)+len(d.Removed)+len(d.Added) == 0 }

// BetweenFiles compares the files of two environments. Each has a path once. Both
// lists get the order of the result.
func BetweenFiles(before, after []File) *FileDifference {
	for _, list := range [][]File{before, after} {
		slices.SortFunc(list, func(a, b File) int { return comparePaths(a.Path, b.Path) })
	}
	d := &FileDifference{Before: len(before), After: len(after)}
	for len(before)+len(after) > 0 {
		var a, b *File
		switch order := next(before, after); {
		case order <= 0:
			a, before = &before[0], before[1:]
			if order == 0 {
				b, after = &after[0], after[1:]
			}
		default:
			b, after = &after[0], after[1:]
		}
		d.add(a, b)
	}
	return d
}

// next compares the first paths of two lists.
func next(before, after []File) int {
	switch {
	case len(before) == 0:
		return 1
	case len(after) == 0:
		return -1
	}
	return comparePaths(before[0].Path, after[0].Path)
}

// comparePaths orders a directory before its content, and that before whatever
// has a longer name than the directory.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch x, y := a[i], b[i]; {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func (f *File) unowned() bool { return f.Component == "" && f.Kind != Directory }

// add compares one path; one of the two may be nil.
func (d *FileDifference) add(a, b *File) {
	if a != nil && a.unowned() {
		d.Unowned.Before++
	}
	if b != nil && b.unowned() {
		d.Unowned.After++
	}
	switch {
	case b == nil:
		d.Removed = append(d.Removed, *a)
		return
	case a == nil:
		d.Added = append(d.Added, *b)
		return
	}
	what := differ(a, b)
	problem := a.Problem
	if problem == "" {
		problem = b.Problem
	}
	switch {
	case len(what) > 0:
		d.Changed = append(d.Changed, FileChange{What: what, Before: *a, After: *b})
	case problem != "":
		d.Unread = append(d.Unread, UnreadFile{a.Path, problem})
	default:
		d.Same++
		if b.unowned() {
			d.Unowned.Same++
		}
	}
}

// differ returns what two entries of one path differ in. What one of them does
// not know is equal.
func differ(a, b *File) []string {
	if a.Kind != b.Kind {
		return []string{"kind"}
	}
	var what []string
	unequal := func(name, x, y string) {
		if x != y && x != "" && y != "" {
			what = append(what, name)
		}
	}
	read := a.Problem == "" && b.Problem == ""
	switch {
	case a.Kind == Link:
		if a.Target != b.Target {
			what = append(what, "link")
		}
	case a.Kind == RegularFile && read:
		if a.Digest != b.Digest {
			what = append(what, "content")
		}
	}
	if a.Kind != Link { // its mode means nothing
		unequal("mode", a.Mode, b.Mode)
	}
	unequal("owner", a.Owner, b.Owner)
	if read && a.Capabilities != b.Capabilities {
		what = append(what, "capabilities")
	}
	return what
}

// Detail returns what differs in words, for people.
func (c *FileChange) Detail() string {
	var out []string
	for _, what := range c.What {
		switch what {
		case "mode":
			out = append(out, fmt.Sprintf("mode %s -> %s", c.Before.Mode, c.After.Mode))
		case "owner":
			out = append(out, fmt.Sprintf("owner %s -> %s", c.Before.Owner, c.After.Owner))
		case "link":
			out = append(out, fmt.Sprintf("link to %s -> %s", c.Before.Target, c.After.Target))
		case "kind":
			out = append(out, fmt.Sprintf("%s -> %s", c.Before.Kind, c.After.Kind))
		default:
			out = append(out, what)
		}
	}
	return strings.Join(out, ", ")
}

// FilePlace is a file, or a whole directory that is only in one of two environments.
type FilePlace struct {
	// Path ends in "/" for a directory.
	Path string
	// Files is the number of entries in it, itself included, and Size the sum of
	// theirs.
	Files int
	Size  int64
	// Components are the components that account for something in it, sorted.
	Components []string
}

// FilePlaces groups a sorted list of files that are only in one environment by the
// topmost directories in the list.
func FilePlaces(files []File) []FilePlace {
	var out []FilePlace
	for i := range files {
		f := &files[i]
		var p *FilePlace
		if n := len(out); n > 0 && strings.HasSuffix(out[n-1].Path, "/") && strings.HasPrefix(f.Path, out[n-1].Path) {
			p = &out[n-1]
		} else {
			path := f.Path
			if f.Kind == Directory {
				path += "/"
			}
			out = append(out, FilePlace{Path: path})
			p = &out[len(out)-1]
		}
		p.Files++
		p.Size += f.Size
		if f.Component != "" {
			p.Components = append(p.Components, f.Component)
		}
	}
	for i := range out {
		p := &out[i]
		slices.Sort(p.Components)
		p.Components = slices.Compact(p.Components)
	}
	return out
}
