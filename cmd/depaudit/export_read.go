package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/audit/fleet/parts"
)

// Reports that are read at the same time are small ones. A larger one is read while no
// other one is, and a large one in pieces and three times: for its digest, for what all
// of its rows need, and for the rows.
const (
	smallReport = 4 << 20  // three thousand dependencies
	wholeReport = 16 << 20 // takes six times as much memory
)

// exporter adds the rows of one report after the other.
type exporter struct {
	d *parts.Dir
	// large is held while a report is read that is not small.
	large *sync.Mutex
	text  bytes.Buffer
}

// prepare adds the rows of a report. What is wrong with the report is kept with it.
func (e *exporter) prepare(ctx context.Context, r *ofNight) error {
	var failed *dirError
	switch err := e.read(ctx, r); {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &failed):
		return failed.err
	default:
		r.err = err
	}
	return nil
}

// dirError is an error of the directory, and not of a report.
type dirError struct{ err error }

func (e *dirError) Error() string { return e.err.Error() }

func (e *exporter) read(ctx context.Context, r *ofNight) error {
	in, err := r.open(ctx)
	if err != nil {
		return r.unread(reasonOf(err))
	}
	defer in.Close()
	e.text.Reset()
	if _, err := e.text.ReadFrom(io.LimitReader(in, smallReport+1)); err != nil {
		return r.unread(reasonOf(err))
	}
	if e.text.Len() > smallReport {
		e.large.Lock()
		defer e.large.Unlock()
		defer func() { e.text = bytes.Buffer{} }()
		if _, err := e.text.ReadFrom(io.LimitReader(in, wholeReport-smallReport)); err != nil {
			return r.unread(reasonOf(err))
		}
	}
	if e.text.Len() > wholeReport {
		return e.readPieces(ctx, r, in)
	}
	sum := sha256.Sum256(e.text.Bytes())
	r.origin.SHA256 = hex.EncodeToString(sum[:])
	if has, err := e.has(r); err != nil || has {
		return err
	}
	report, err := r.parse(e.text.Bytes())
	if err != nil {
		return err
	}
	return e.write(r, func(to fleet.Sink) error { return r.named(fleet.Write(report, r.origin, to)) })
}

func (e *exporter) has(r *ofNight) (bool, error) {
	has, err := e.d.Has(r.origin)
	if err != nil {
		err = &dirError{err}
	}
	return has, err
}

// write adds the rows that write makes.
func (e *exporter) write(r *ofNight, write func(fleet.Sink) error) error {
	draft := e.d.Draft(r.origin)
	if err := write(sinkOf{draft}); err != nil {
		draft.Discard()
		return err
	}
	if err := draft.Add(); err != nil {
		return &dirError{err}
	}
	return nil
}

// sinkOf tells the errors of a directory from those of a report.
type sinkOf struct{ *parts.Draft }

func (s sinkOf) Stage(pipeline, stage string, line []byte) error {
	return ofDir(s.Draft.Stage(pipeline, stage, line))
}

func (s sinkOf) Dependency(line []byte) error { return ofDir(s.Draft.Dependency(line)) }

func ofDir(err error) error {
	if err != nil {
		return &dirError{err}
	}
	return nil
}

// readPieces adds the rows of a large report, of which the beginning is in e.text.
func (e *exporter) readPieces(ctx context.Context, r *ofNight, in io.Reader) error {
	if r.once {
		return &hinted{fmt.Errorf("%s: more than %d MiB, which must be read more than once", r.name, wholeReport>>20), "save it in a file"}
	}
	digest := sha256.New()
	digest.Write(e.text.Bytes())
	e.text = bytes.Buffer{}
	if _, err := io.Copy(digest, untilDone(ctx, in)); err != nil {
		return r.unread(reasonOf(err))
	}
	r.origin.SHA256 = hex.EncodeToString(digest.Sum(nil))
	if has, err := e.has(r); err != nil || has {
		return err
	}
	var report *audit.Report
	err := r.again(ctx, func(in io.Reader) (err error) {
		report, err = audit.ReadOutline(r.name, in)
		return err
	})
	if errors.Is(err, audit.ErrTooLarge) {
		return &hinted{err, "make stages of the parts of the environment, and export a report for each"}
	}
	if err != nil {
		return err
	}
	return e.write(r, func(to fleet.Sink) error {
		w, err := fleet.NewWriter(report, r.origin, to)
		if err != nil {
			return r.named(err)
		}
		if err := r.again(ctx, func(in io.Reader) error { return r.named(audit.EachDependency(in, w.Dependency)) }); err != nil {
			return err
		}
		return r.named(w.End())
	})
}

// named adds the name of the report to an error.
func (r *ofNight) named(err error) error {
	if err == nil {
		return nil
	}
	return r.unread(err)
}

// again reads the report of r.origin once more.
func (r *ofNight) again(ctx context.Context, read func(io.Reader) error) error {
	in, err := r.open(ctx)
	if err != nil {
		return r.unread(reasonOf(err))
	}
	defer in.Close()
	digest := sha256.New()
	err = read(io.TeeReader(untilDone(ctx, in), digest))
	if err == nil && hex.EncodeToString(digest.Sum(nil)) != r.origin.SHA256 {
		return fmt.Errorf("%s: it was changed while it was read", r.name)
	}
	return err
}

// untilDone reads until ctx ends.
func untilDone(ctx context.Context, in io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return in.Read(p)
	})
}
