package scan

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/snapshot"
)

// A scan is a function of what it asks of the tree: names, classes of files,
// the content of some. The tree records the questions, and a snapshot keeps
// them with the state that each file was in ([rootfs.FileFingerprint]). If every answer
// would be the same again, the document would be too, and need not be made:
// no list of "files that matter" has to be kept right by hand. A log that
// grew was only asked for its class, which is asked again.

// Snapshot scans one environment for what a later scan is compared with. Its
// document has stamps whatever opts say; an image gets no fingerprints, since its
// digest says already whether it is the same.
func Snapshot(ctx context.Context, ref rootfs.Ref, opts Options) (*snapshot.Snapshot, error) {
	opts.Fingerprints = true
	opts.snapshot = true
	return run(ctx, ref, opts)
}

// binding names all that a document depends on besides the tree.
func binding(ref rootfs.Ref) string {
	return fmt.Sprintf("%s; %s; counting rules %d; %s", ref.Scheme, keepRule().ID, sbom.Rules, thisProgram())
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

// usable is the snapshot that a scan of that environment can use, nil if the
// one it was given says nothing.
func usable(ref rootfs.Ref, s *snapshot.Snapshot) *snapshot.Snapshot {
	if s == nil || s.Fingerprints == nil || s.Document == nil || ref.IsImage() || s.Fingerprints.Binding != binding(ref) {
		return nil
	}
	return s
}

// unchanged is the document of a snapshot that a scan would give again.
func unchanged(since *snapshot.Snapshot, ref rootfs.Ref, opts Options, progress func(Progress)) *snapshot.Snapshot {
	progress(Progress{Phase: "nothing has changed since the snapshot", Files: since.Document.Environment.Files, Unchanged: true})
	d := *since.Document
	d.Environment.Ref = sbom.Escape(ref.String()) // the path that leads to the root may be written otherwise
	if !opts.Fingerprints {
		d.Components = slices.Clone(d.Components)
		for i := range d.Components {
			d.Components[i].Fingerprint = ""
		}
	}
	return &snapshot.Snapshot{Document: &d, Fingerprints: since.Fingerprints}
}

// recall lets the tree answer for the files that are in the same state.
func (s *scanner) recall(ctx context.Context, since *snapshot.Snapshot) error {
	if since == nil {
		return nil
	}
	known := make(map[rootfs.Fingerprint]rootfs.FileFingerprint, len(since.Fingerprints.Files))
	for _, m := range since.Fingerprints.Files {
		if m.Read&rootfs.ReadClass != 0 {
			known[m.Fingerprint] = m
		}
	}
	return s.tree.Recall(ctx, known, func(n rootfs.Node) bool { return !s.owned(n) })
}
