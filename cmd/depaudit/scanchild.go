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

	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// scanError is an error that the child reported.
type scanError struct {
	childError
}

func (e *scanError) Error() string { return e.Message }

// maxChildError bounds the part of the child's standard error that is kept: the
// Go runtime prints every goroutine when it runs out of memory.
const maxChildError = 8 << 10

// childScanner is a [pipeline.Scanner] that scans in a child process. An error
// that the environment does not cause is a [pipeline.RunError].
func (l *limitFlags) childScanner(ctx context.Context, r pipeline.Request, progress func(scan.Progress)) (*pipeline.Result, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, &pipeline.RunError{Err: err}
	}
	tmp, remove, err := newScratch()
	if err != nil {
		return nil, &pipeline.RunError{Err: fmt.Errorf("make a temporary directory for the scan: %w", err)}
	}
	defer remove()
	file, err := spool(r, tmp)
	if err != nil {
		return nil, &pipeline.RunError{Err: err}
	}
	request, err := encodeRequest(childRequest{Request: r, File: file, Memory: l.memory << 20})
	if err != nil {
		return nil, &pipeline.RunError{Err: err}
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	child := exec.CommandContext(run, exe, childCommand, request)
	child.Args[0] = "depaudit" // the test binary runs as the program by this name
	child.Env = append(os.Environ(), "TMPDIR="+tmp)
	head := &headWriter{max: maxChildError}
	child.Stderr = head
	detach(child)
	stdin, err := child.StdinPipe()
	if err != nil {
		return nil, &pipeline.RunError{Err: err}
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		return nil, &pipeline.RunError{Err: err}
	}
	if err := child.Start(); err != nil {
		if ctx.Err() != nil { // the time was over before the start
			return nil, l.ended(ctx, tmp)
		}
		return nil, &pipeline.RunError{Err: fmt.Errorf("start the scanning process: %w", err)}
	}
	result, readErr := readResult(stdout, progress)
	if readErr != nil {
		// The rest is not read, and a child that still writes would wait for a
		// reader.
		cancel()
	}
	waitErr := child.Wait()
	if ctx.Err() != nil {
		return nil, l.ended(ctx, tmp)
	}
	var reported *scanError
	if errors.As(readErr, &reported) {
		if reported.Kind == kindInternal {
			return nil, &pipeline.RunError{Err: reported}
		}
		if reported.Kind == kindSelection {
			return nil, &rootfs.SelectionError{Err: reported}
		}
		return nil, reported
	}
	if readErr != nil || waitErr != nil {
		reason := lossReason(readErr, waitErr, head.String(), peakMemory(child.ProcessState), *l)
		return nil, errors.New(reason + whileReading(tmp))
	}
	return result, nil
}

// ended is the error of a scan whose context has ended.
func (l *limitFlags) ended(ctx context.Context, tmp string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the scan did not finish within %s and was canceled (see --scan-timeout)%s", l.timeout, whileReading(tmp))
	}
	return ctx.Err()
}

// whileReading is the end of a message about a lost scan: the files that it was
// reading.
func whileReading(tmp string) string {
	files := lastRead(tmp)
	if len(files) == 0 {
		return ""
	}
	for i := range files {
		files[i] = terminal.Escape(files[i]) // a name may contain a line break
	}
	return ", while it read " + strings.Join(files, " and ")
}

// maxInput bounds what is read from standard input. It is a little more than
// the largest document that is accepted, so that the reader reports the error.
const maxInput = 1 << 30

// spool copies the request's input into a file in dir, and returns its path:
// the child's own input is the pipe that ends it with its parent.
func spool(r pipeline.Request, dir string) (string, error) {
	if !r.FromInput() || r.Input == nil {
		return "", nil
	}
	f, err := os.Create(filepath.Join(dir, "input"))
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(f, io.LimitReader(r.Input, maxInput)); err != nil {
		f.Close()
		return "", fmt.Errorf("standard input: %w", err)
	}
	return f.Name(), f.Close()
}

// readResult reads frames up to the end frame.
func readResult(r io.Reader, progress func(scan.Progress)) (*pipeline.Result, error) {
	br := bufio.NewReader(r)
	var document, snapshot, owners, proof, files []byte
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
		case frameProof:
			proof = payload
		case frameFiles:
			files = payload
		case frameEnd:
			if document == nil || string(payload) != strconv.Itoa(len(document)+len(snapshot)+len(owners)+len(proof)+len(files)) {
				return nil, errors.New("the end frame does not match the result")
			}
			var d sbom.Document
			if err := json.Unmarshal(document, &d); err != nil {
				return nil, err
			}
			doc, err := sbom.Restore(d)
			if err != nil {
				return nil, err
			}
			answer := &pipeline.Result{Document: doc, Snapshot: snapshot}
			if answer.Owners, err = readOwners(owners, doc); err != nil {
				return nil, err
			}
			if proof != nil {
				if err := json.Unmarshal(proof, &answer.Proof); err != nil {
					return nil, err
				}
			}
			if files != nil {
				if err := json.Unmarshal(files, &answer.Files); err != nil {
					return nil, err
				}
			}
			return answer, nil
		default:
			return nil, fmt.Errorf("unknown frame %q", kind)
		}
	}
}

// lossReason returns the reason why a child ended without a result, from the
// head of its standard error and its peak memory in bytes, 0 when unknown.
func lossReason(readErr, waitErr error, head string, peak int64, limits limitFlags) string {
	switch {
	case strings.Contains(head, "out of memory") || strings.Contains(head, "cannot allocate memory"):
		return fmt.Sprintf("the scan needed more than %d MiB of memory and was canceled (see --scan-memory)", limits.memory)
	case strings.Contains(head, "pthread_create failed") || strings.Contains(head, "failed to create new OS thread"):
		// Stacks of threads count as data.
		return fmt.Sprintf("the scan could not start a thread: it needs more than %d MiB of memory (see --scan-memory), or the number of processes is limited", limits.memory)
	case strings.Contains(head, "SIGSEGV") && peak > limits.memory<<20/2:
		// Code outside of Go's allocator does not report that the kernel refused
		// it memory: it crashes, somewhere below the limit.
		return fmt.Sprintf("the scan crashed near its limit: it may need more than %d MiB of memory (see --scan-memory)", limits.memory)
	case waitErr != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(head), "\n")
		if first != "" {
			first = ": " + first
		}
		return fmt.Sprintf("the scanning process ended without a result (%v)%s", waitErr, first)
	}
	return fmt.Sprintf("the scanning process ended without a result (%v)", readErr)
}

// headWriter keeps the first max bytes that are written to it.
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

// readOwners parses the owners of the requested paths, each of which must be in
// the document. Without a payload there are none.
func readOwners(payload []byte, doc *sbom.Document) ([]scan.Owner, error) {
	if payload == nil {
		return nil, nil
	}
	var owners []scan.Owner
	if err := json.Unmarshal(payload, &owners); err != nil {
		return nil, err
	}
	for _, o := range owners {
		if o.ID != "" && doc.Component(o.ID) == nil {
			return nil, fmt.Errorf("the owner of %q is not in the document: %q", o.Path, o.ID)
		}
	}
	return owners, nil
}
