package diff

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBetweenFiles(t *testing.T) {
	file := func(path, digest string) File {
		return File{Path: path, Kind: RegularFile, Mode: "644", Owner: "0:0", Size: 3, Digest: digest}
	}
	with := func(f File, change func(*File)) File {
		change(&f)
		return f
	}
	before := []File{
		{Path: "/", Kind: Directory, Mode: "755", Owner: "0:0"},
		{Path: "/opt", Kind: Directory, Mode: "755", Owner: "0:0"},
		{Path: "/opt/x", Kind: Directory, Mode: "755", Owner: "0:0"},
		file("/opt/x-y", "blake3:1"),
		with(file("/opt/x/a", "blake3:2"), func(f *File) { f.Component = "x 1" }),
		with(file("/opt/x/b", "blake3:3"), func(f *File) { f.Component = "x 1" }),
		file("/content", "blake3:4"), file("/mode", "blake3:5"), file("/kind", "blake3:6"), file("/capabilities", "blake3:6"),
		{Path: "/link", Kind: Link, Target: "a", Mode: "777"},
		{Path: "/samelink", Kind: Link, Target: "a", Mode: "777"},
		file("/unread", "blake3:7"), file("/same", "blake3:8"),
	}
	after := []File{
		{Path: "/", Kind: Directory, Mode: "755", Owner: "0:0"},
		{Path: "/opt", Kind: Directory, Mode: "700"}, // the owner is not known
		file("/opt/x-y", "blake3:1"),
		file("/content", "blake3:40"),
		with(file("/mode", "blake3:5"), func(f *File) { f.Mode, f.Owner = "4755", "1:0" }),
		{Path: "/kind", Kind: Link, Target: "x"},
		with(file("/capabilities", "blake3:6"), func(f *File) { f.Capabilities = "01" }),
		{Path: "/link", Kind: Link, Target: "b", Mode: "755"},
		{Path: "/samelink", Kind: Link, Target: "a", Mode: "755"},
		with(file("/unread", ""), func(f *File) { f.Problem = "denied" }),
		file("/same", "blake3:8"), file("/new", "blake3:9"),
	}
	slices.Reverse(after)
	d := BetweenFiles(before, after)
	changed := map[string]string{}
	for i := range d.Changed {
		changed[d.Changed[i].Before.Path] = d.Changed[i].Detail()
	}
	if diff := cmp.Diff(map[string]string{
		"/opt": "mode 755 -> 700", "/content": "content", "/mode": "mode 644 -> 4755, owner 0:0 -> 1:0", "/kind": "file -> link", "/capabilities": "capabilities", "/link": "link to a -> b",
	}, changed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]FilePlace{{Path: "/opt/x/", Files: 3, Size: 6, Components: []string{"x 1"}}}, FilePlaces(d.Removed)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]FilePlace{{Path: "/new", Files: 1, Size: 3}}, FilePlaces(d.Added)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]UnreadFile{{"/unread", "denied"}}, d.Unread); diff != "" {
		t.Error(diff)
	}
	if d.Before != 14 || d.After != 12 || d.Same != 4 || d.Unowned.Before != 9 || d.Unowned.After != 10 || d.Unowned.Same != 3 || d.Empty() {
		t.Errorf("%+v", d)
	}
	if same := BetweenFiles(before, slices.Clone(before)); !same.Empty() || same.Same != 14 {
		t.Errorf("with itself: %+v", same)
	}
	if none := BetweenFiles(nil, nil); !none.Empty() {
		t.Errorf("%+v", none)
	}
}
