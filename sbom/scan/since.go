package scan

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
	"github.com/depaudit/depaudit/sbom/snapshot"
)

// A scan is a function of what it asks of the tree: names, classes of files,
// the content of some. The tree records the questions, and a snapshot keeps
// them with the state that each file was in ([environ.Mark]). If every answer
// would be the same again, the document would be too, and need not be made:
// no list of "files that matter" has to be kept right by hand. A log that
// grew was only asked for its class, which is asked again.

// Snapshot scans one environment for what a later scan is compared with. Its
// document has stamps whatever opts say; an image gets no marks, since its
// digest says already whether it is the same.
func Snapshot(ctx context.Context, ref environ.Ref, opts Options) (*snapshot.Snapshot, error) {
	opts.Stamps = true
	opts.marks = true
	return run(ctx, ref, opts)
}

// binding names all that a document depends on besides the tree.
func binding(t *environ.Tree) (string, error) {
	root, err := t.Root()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s; %s; counting rules %d; %s", t.Ref().Scheme, root, keepRule().ID, sbom.Rules, thisProgram()), nil
}

// thisProgram names the program that we are part of: by its version when it is a
// released one, else by its file, which another build replaces.
func thisProgram() string {
	info, ok := debug.ReadBuildInfo()
	if ok && strings.HasPrefix(info.Main.Version, "v") && !strings.Contains(info.Main.Version, "+dirty") {
		return info.Main.Path + " " + info.Main.Version + " " + info.Main.Sum
	}
	exe, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	stat, err := os.Stat(exe)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("built %d %d", stat.Size(), stat.ModTime().UnixNano())
}

// reuse is what an earlier snapshot spares a scan.
type reuse struct {
	binding string             // empty where marks are not possible or not wanted
	since   *snapshot.Snapshot // nil when it does not apply
}

func newReuse(t *environ.Tree, opts Options) reuse {
	if t.Ref().IsImage() || !opts.marks && opts.Since == nil {
		return reuse{}
	}
	own, err := binding(t)
	if err != nil {
		return reuse{} // not on this system: a whole scan, without marks
	}
	r := reuse{binding: own}
	if s := opts.Since; s != nil && s.Marks != nil && s.Document != nil && s.Marks.Binding == own {
		r.since = s
	}
	return r
}

// same returns the snapshot's document when a scan would give it again.
func (r reuse) same(ctx context.Context, t *environ.Tree, names [sha256.Size]byte) (*sbom.Document, error) {
	if r.since == nil || r.since.Marks.Names != names {
		return nil, nil
	}
	ok, err := t.Unchanged(ctx, r.since.Marks.Files)
	if !ok || err != nil {
		return nil, err
	}
	d := *r.since.Document
	d.Environment.Ref = t.Ref().String() // the path that leads to the root may be written otherwise
	return &d, nil
}

// recall lets the tree answer for the files that are in the same state.
func (s *scanner) recall(ctx context.Context, r reuse) error {
	if r.since == nil {
		return nil
	}
	known := make(map[environ.State]environ.Mark, len(r.since.Marks.Files))
	for _, m := range r.since.Marks.Files {
		if m.Asked&environ.AskedClass != 0 {
			known[m.State] = m
		}
	}
	return s.tree.Recall(ctx, known, func(n environ.Node) bool { return !s.owned(n) })
}

// withoutStamps is a document for those who did not ask for stamps.
func withoutStamps(d *sbom.Document) *sbom.Document {
	out := *d
	out.Components = append([]sbom.Component(nil), d.Components...)
	for i := range out.Components {
		out.Components[i].Stamp = ""
	}
	return &out
}
