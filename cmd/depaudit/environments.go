package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
)

// environment is something to scan: the reference as written, and where it
// leads to.
type environment struct {
	name string // of the stage, for progress
	raw  string
	ref  environ.Ref
}

// parseEnvironment reads a reference. Folders are relative to dir.
func parseEnvironment(name, raw, dir string) (environment, error) {
	ref, err := environ.ParseRef(raw)
	if err != nil {
		return environment{}, err
	}
	if ref.Scheme == environ.SchemeDir {
		ref.Path = workingRelative(dir, ref.Path)
		if ref.Path, err = filepath.Abs(ref.Path); err != nil {
			return environment{}, err
		}
		info, err := os.Stat(ref.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return environment{}, &hinted{fmt.Errorf("environment %q: there is no folder %s", raw, ref.Path), "is the stage's root file system built, and the path right?"}
		case err == nil && !info.IsDir():
			return environment{}, &hinted{fmt.Errorf("environment %q: %s is a file", raw, ref.Path), "a root file system is a folder; unpack an archive first"}
		}
	}
	return environment{name: name, raw: raw, ref: ref}, nil
}

// outcome is a document or why there is none.
type outcome struct {
	doc *sbom.Document
	err error
}

// scanAll scans environments side by side, each distinct one once, and
// returns the outcomes in their order. It fails only when ctx ends or no
// scan can be started.
func (c *command) scanAll(ctx context.Context, envs []environment, limits limitFlags) ([]outcome, error) {
	progress := c.newProgress()
	defer progress.end()
	outcomes := make([]outcome, len(envs))
	first := make(map[environ.Ref]int)
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	var wg sync.WaitGroup
	for i, e := range envs {
		if _, known := first[e.ref]; known {
			continue
		}
		first[e.ref] = i
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				outcomes[i].err = ctx.Err()
				return
			}
			doc, err := scanChild(ctx, e.ref, limits, func(phase string, files int) { progress.set(e.name, phase, files) })
			progress.done(e.name)
			outcomes[i] = outcome{doc, err}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, trouble(err)
	}
	named := make([]outcome, 0, len(envs))
	for _, e := range envs {
		o := outcomes[first[e.ref]]
		var exit *exitError
		if errors.As(o.err, &exit) {
			return nil, o.err
		}
		var reported *scanError
		if errors.As(o.err, &reported) && reported.Kind == kindInternal {
			return nil, trouble(o.err)
		}
		if o.err != nil {
			// Its paths are those within the environment.
			o.err = fmt.Errorf("%s: %w", e.raw, o.err)
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
