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

// A scan is a function of the values that it reads from the tree: names,
// classes of files, the content of some. The tree records these reads, and a
// snapshot stores them with the fingerprint of each file
// ([rootfs.FileFingerprint]). If every value would be the same, the document
// would be too, and need not be made again: no list of relevant files has to be
// maintained by hand. Of a log that has grown the scan only read the class,
// which is read again.

// Snapshot scans one environment for the comparison with a later scan. Its
// document always has fingerprints of components. An image gets no fingerprints
// of files, since its digest identifies it.
func Snapshot(ctx context.Context, ref rootfs.Ref, opts Options) (*snapshot.Snapshot, error) {
	opts.Fingerprints = true
	opts.snapshot = true
	return run(ctx, ref, opts)
}

// binding names everything that a document depends on besides the tree.
func binding(ref rootfs.Ref, own []string) string {
	return fmt.Sprintf("%s; %s; counting rules %d; %s; %q", ref.Scheme, keepRule().ID, sbom.Rules, thisProgram(), ownPaths(ref, own))
}

// thisProgram identifies the running program: by the version of a release, or
// else by its file, which another build replaces.
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

// usable returns the snapshot if a scan of that environment can use it, or else
// nil.
func usable(ref rootfs.Ref, own []string, s *snapshot.Snapshot) *snapshot.Snapshot {
	if s == nil || s.Fingerprints == nil || s.Document == nil || ref.IsImage() || s.Fingerprints.Binding != binding(ref, own) {
		return nil
	}
	return s
}

// unchanged returns the document of a snapshot of an unchanged environment.
func unchanged(since *snapshot.Snapshot, ref rootfs.Ref, opts Options, progress func(Progress)) *snapshot.Snapshot {
	progress(Progress{Phase: "nothing has changed since the snapshot", Files: since.Document.Environment.Files, Unchanged: true})
	d := *since.Document
	d.Environment.Ref = sbom.Escape(ref.String()) // the same root may have another path
	if !opts.Fingerprints {
		d.Components = slices.Clone(d.Components)
		for i := range d.Components {
			d.Components[i].Fingerprint = ""
		}
	}
	return &snapshot.Snapshot{Document: &d, Fingerprints: since.Fingerprints}
}

// recall lets the tree return the stored values of unchanged files.
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
