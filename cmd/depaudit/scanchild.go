package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/scan"
)

// lostError says that a scan ended without a result; what can be told is a
// gap that names the environment.
type lostError struct{ why string }

func (e *lostError) Error() string { return e.why }

// scanError is an error that the scan itself reported.
type scanError struct {
	childError
}

func (e *scanError) Error() string { return e.Message }

// maxChildWords bounds what is kept of the child's standard error: the Go
// runtime prints every goroutine when it runs out of memory.
const maxChildWords = 8 << 10

// result is what a child answers.
type result struct {
	doc *sbom.Document
	// snapshot has the bytes of the snapshot file, when one was asked for.
	snapshot []byte
	// owners are those of the paths that were asked for.
	owners []pathOwner
}

// scanChild scans one environment in a child process.
func (c *command) scanChild(ctx context.Context, e environment, limits limitFlags, progress func(scan.Progress)) (*result, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, trouble(err)
	}
	tmp, err := os.MkdirTemp("", "depaudit-")
	if err != nil {
		return nil, trouble(fmt.Errorf("a temporary folder for the scan: %w", err))
	}
	defer os.RemoveAll(tmp)
	timed, cancel := context.WithTimeout(ctx, limits.timeout)
	defer cancel()
	file, err := c.spool(e, tmp)
	if err != nil {
		return nil, err
	}
	request, err := encodeRequest(childRequest{
		Ref: e.ref, File: file, Memory: limits.memory << 20, Platform: e.platform, Cache: limits.cache(), Since: e.since, Snapshot: e.snapshot, Paths: splitPaths(e.paths),
	})
	if err != nil {
		return nil, trouble(err)
	}
	child := exec.CommandContext(timed, exe, childCommand, request)
	child.Args[0] = "depaudit" // by which tests know that they are the program
	child.Env = append(os.Environ(), "TMPDIR="+tmp)
	words := &headWriter{max: maxChildWords}
	child.Stderr = words
	detach(child)
	stdin, err := child.StdinPipe()
	if err != nil {
		return nil, trouble(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		return nil, trouble(err)
	}
	if err := child.Start(); err != nil {
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case timed.Err() != nil: // the time was over before it began
			return nil, timeoutError(limits)
		}
		return nil, trouble(fmt.Errorf("start the scanning process: %w", err))
	}
	answer, readErr := readResult(stdout, progress)
	if readErr != nil {
		// Nothing more is wanted from it, and a child that still writes must
		// not wait for a reader.
		cancel()
	}
	waitErr := child.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timed.Err() != nil && errors.Is(timed.Err(), context.DeadlineExceeded):
		return nil, timeoutError(limits)
	}
	var reported *scanError
	if errors.As(readErr, &reported) {
		return nil, reported
	}
	if readErr != nil || waitErr != nil {
		return nil, &lostError{lossReason(readErr, waitErr, words.String(), limits)}
	}
	return answer, nil
}

// maxInput bounds what is taken from standard input; a little more than the
// largest document that is read, so that whoever reads it says what is wrong.
const maxInput = 1 << 30

// spool copies standard input into a file in dir, when the environment is to
// be read from there: a child's own input tells it when its parent dies.
func (c *command) spool(e environment, dir string) (string, error) {
	if e.ref.Path != "-" || e.ref.HasPath() {
		return "", nil
	}
	f, err := os.Create(filepath.Join(dir, "input"))
	if err != nil {
		return "", trouble(err)
	}
	if _, err := io.Copy(f, io.LimitReader(c.stdin, maxInput)); err != nil {
		f.Close()
		return "", trouble(fmt.Errorf("standard input: %w", err))
	}
	return f.Name(), f.Close()
}

func timeoutError(limits limitFlags) error {
	return &lostError{fmt.Sprintf("the scan did not finish within %s and was ended (see --scan-timeout)", limits.timeout)}
}

// readResult reads frames up to the end mark.
func readResult(r io.Reader, progress func(scan.Progress)) (*result, error) {
	br := bufio.NewReader(r)
	var document, snapshot, owners []byte
	for {
		kind, payload, err := readFrame(br)
		if err != nil {
			return nil, err
		}
		switch kind {
		case frameProgress:
			var p scan.Progress
			if json.Unmarshal(payload, &p) == nil && progress != nil {
				progress(p)
			}
		case frameError:
			e := &scanError{}
			if err := json.Unmarshal(payload, &e.childError); err != nil {
				return nil, err
			}
			return nil, e
		case frameDocument:
			document = payload
		case frameSnapshot:
			snapshot = payload
		case frameOwners:
			owners = payload
		case frameEnd:
			if document == nil || string(payload) != strconv.Itoa(len(document)+len(snapshot)+len(owners)) {
				return nil, errors.New("the end mark does not fit the result")
			}
			var d sbom.Document
			if err := json.Unmarshal(document, &d); err != nil {
				return nil, err
			}
			doc, err := sbom.Restore(d)
			if err != nil {
				return nil, err
			}
			answer := &result{doc: doc, snapshot: snapshot}
			if answer.owners, err = readOwners(owners, doc); err != nil {
				return nil, err
			}
			return answer, nil
		default:
			return nil, fmt.Errorf("an unknown frame %q", kind)
		}
	}
}

// lossReason says what is known about a child that ended without a result.
func lossReason(readErr, waitErr error, words string, limits limitFlags) string {
	switch {
	case strings.Contains(words, "out of memory") || strings.Contains(words, "cannot allocate memory"):
		return fmt.Sprintf("the scan needed more than %d MiB of memory and was ended (see --scan-memory)", limits.memory)
	case strings.Contains(words, "pthread_create failed") || strings.Contains(words, "failed to create new OS thread"):
		// Stacks of threads count as data.
		return fmt.Sprintf("the scan could not start a thread: it needs more than %d MiB of memory (see --scan-memory), or the number of processes is limited", limits.memory)
	case waitErr != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(words), "\n")
		if first != "" {
			first = ": " + first
		}
		return fmt.Sprintf("the scanning process ended without a result (%v)%s", waitErr, first)
	}
	return fmt.Sprintf("the scanning process ended without a result (%v)", readErr)
}

// headWriter keeps the first bytes of what is written to it.
type headWriter struct {
	max int
	buf bytes.Buffer
}

func (w *headWriter) Write(p []byte) (int, error) {
	if room := w.max - w.buf.Len(); room > 0 {
		w.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (w *headWriter) String() string { return w.buf.String() }
