package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// environment is something to scan: the reference as written, and where it
// leads to.
type environment struct {
	name string // of the stage, for progress
	raw  string
	// written is the reference as written, and ref the same with an absolute
	// path.
	written, ref rootfs.Ref
	// platform chooses one image of an index, empty for this machine's.
	platform string
	// since is the path of a snapshot that an earlier scan of the same
	// environment left, empty for none.
	since string
	// snapshot asks for a snapshot besides the document.
	snapshot bool
	// paths are those whose owners are asked for, with pathSeparator between
	// them.
	paths string
}

// key tells environments apart that need not be scanned twice.
func (e environment) key() environment {
	return environment{ref: e.ref, platform: e.platform, since: e.since, snapshot: e.snapshot, paths: e.paths}
}

// parseEnvironment reads a reference. Folders are relative to dir.
func parseEnvironment(name, raw, dir string) (environment, error) {
	ref, err := rootfs.ParseRefIn(dir, raw)
	if err != nil {
		return environment{}, err
	}
	written := ref
	if ref.HasPath() {
		ref.Path = workingRelative(dir, ref.Path)
		if ref.Path, err = filepath.Abs(ref.Path); err != nil {
			return environment{}, err
		}
		if err := checkPath(raw, ref); err != nil {
			return environment{}, err
		}
	}
	return environment{name: name, raw: raw, written: written, ref: ref}, nil
}

// parseStage reads the reference of what is judged. A snapshot is a file that
// says what an environment was; it is compared with and never judged, or its
// count would pass for that of an environment.
func parseStage(name, raw, dir string) (environment, error) {
	e, err := parseEnvironment(name, raw, dir)
	if err == nil && e.ref.Scheme == rootfs.SchemeSnapshot {
		err = &hinted{fmt.Errorf("environment %q: a snapshot is a base, and no environment", raw), "name the environment itself, and the snapshot under base: or with --since"}
	}
	return e, err
}

// checkPath finds mistakes in a reference before anything is scanned.
func checkPath(raw string, ref rootfs.Ref) error {
	info, err := os.Stat(ref.Path)
	folder := ref.Scheme == rootfs.SchemeDir || ref.Scheme == rootfs.SchemeOCIDir
	switch {
	case errors.Is(err, fs.ErrNotExist) && folder:
		return &hinted{fmt.Errorf("environment %q: there is no folder %s", raw, ref.Path), "is the stage's environment built, and the path right?"}
	case errors.Is(err, fs.ErrNotExist):
		return &hinted{fmt.Errorf("environment %q: there is no file %s", raw, ref.Path), "is the stage's environment built, and the path right?"}
	case err != nil:
		return nil // whoever opens it says it better
	case ref.Scheme == rootfs.SchemeDir && !info.IsDir():
		return &hinted{fmt.Errorf("environment %q: %s is a file", raw, ref.Path), fileHint(ref.Path)}
	case ref.Scheme == rootfs.SchemeOCIDir && !info.IsDir():
		return &hinted{fmt.Errorf("environment %q: %s is a file, and an OCI layout is a folder", raw, ref.Path), "for a layout in a tar file write oci-archive:" + ref.Path}
	case info.IsDir() && !folder && ref.Scheme != rootfs.SchemeAttestation:
		return &hinted{fmt.Errorf("environment %q: %s is a folder", raw, ref.Path), "for an OCI layout in a folder write oci-dir:" + ref.Path + ", for a root file system dir:" + ref.Path}
	}
	return nil
}

// fileHint guesses what a file that was taken for a folder is.
func fileHint(path string) string {
	switch {
	case strings.HasSuffix(path, ".json"), strings.HasSuffix(path, ".spdx"), strings.HasSuffix(path, ".xml"):
		return "for an SBOM write sbom:" + path
	case strings.HasSuffix(path, ".tar"):
		return "for an image write oci-archive:" + path + " or docker-archive:" + path
	}
	return "a root file system is a folder; an image in a file is an oci-archive: or a docker-archive:"
}

// outcome is a document or why there is none.
type outcome struct {
	doc      *sbom.Document
	snapshot []byte
	owners   []pathOwner
	err      error
}

// asNamed begins an error with the reference as the user wrote it, in place of
// the one that the scan knew, which has absolute paths. What follows speaks of
// paths within the environment.
func asNamed(e environment, err error) error {
	text := strings.TrimPrefix(err.Error(), fmt.Sprintf("environment %q: ", e.ref))
	text = strings.TrimPrefix(text, "image "+e.ref.String()+": ")
	text = strings.TrimPrefix(text, e.ref.Path+": ")
	return fmt.Errorf("%s: %s", e.raw, text)
}

// scanAll scans environments side by side, each distinct one once, and
// returns the outcomes in their order. It fails only when ctx ends or no
// scan can be started.
func (c *command) scanAll(ctx context.Context, envs []environment, limits limitFlags) ([]outcome, error) {
	progress := c.newProgress()
	defer progress.end()
	outcomes := make([]outcome, len(envs))
	first := make(map[environment]int)
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	var wg sync.WaitGroup
	for i, e := range envs {
		if _, known := first[e.key()]; known {
			continue
		}
		first[e.key()] = i
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				outcomes[i].err = ctx.Err()
				return
			}
			answer, err := c.scanChild(ctx, e, limits, func(p scan.Progress) { progress.set(e.name, p) })
			progress.done(e.name)
			if err != nil {
				outcomes[i].err = err
				return
			}
			outcomes[i].doc, outcomes[i].snapshot, outcomes[i].owners = answer.doc, answer.snapshot, answer.owners
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, trouble(err)
	}
	named := make([]outcome, 0, len(envs))
	for _, e := range envs {
		o := outcomes[first[e.key()]]
		var exit *exitError
		if errors.As(o.err, &exit) {
			return nil, o.err
		}
		var reported *scanError
		if errors.As(o.err, &reported) && reported.Kind == kindInternal {
			return nil, trouble(o.err)
		}
		if o.err != nil {
			o.err = asNamed(e, o.err)
		}
		if o.doc != nil {
			// The document says how the user wrote it: a report must not
			// depend on where the pipeline lies on this machine.
			doc := *o.doc
			doc.Environment.Ref = e.raw
			o.doc = &doc
		}
		named = append(named, o)
	}
	return named, nil
}
