package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
	"github.com/depaudit/depaudit/sbom/scan"
)

// Each environment is scanned in a child process of the same binary:
// catalogers read hostile files, and have been seen to need 7 GB for a small
// jar, to go on writing after a cancel, and to dead-lock. The child has a
// memory limit, a time limit and a temporary folder that the parent removes.
//
// It answers on its standard output with frames: one byte of kind, four bytes
// of length, the payload. The last frame is an end mark with the number of
// bytes of the document, so that half a result is never read as a whole one.
// It ends itself when its standard input is closed, which the parent's death
// does too.

// childCommand is the first argument that makes the program a child.
const childCommand = "__scan"

// Kinds of frames.
const (
	frameProgress = 'P' // a scan.Progress
	frameDocument = 'D' // an sbom.Document
	frameError    = 'E' // a childError
	frameEnd      = 'Z' // the number of bytes of the document, decimal
)

// maxFrame bounds one frame. The document of a machine with 300,000 files
// and 30,000 packages is about 30 MB.
const maxFrame = 512 << 20

// childRequest is what a child is asked for, as JSON in its second argument.
type childRequest struct {
	Ref environ.Ref `json:"ref"`
	// Memory is the limit in bytes.
	Memory   int64  `json:"memory"`
	Platform string `json:"platform,omitempty"`
	// Cache is the folder for layers of images, empty for none.
	Cache string `json:"cache,omitempty"`
}

type childError struct {
	Message string `json:"message"`
	// Kind says whose fault it is.
	Kind string `json:"kind"`
}

const (
	kindContent  = "content" // the environment cannot be judged
	kindInternal = "internal"
)

// child is the other side: it scans and reports.
func (c *command) child(args []string) int {
	out := bufio.NewWriter(c.stdout)
	fail := func(kind string, err error) int {
		payload, _ := json.Marshal(childError{Message: err.Error(), Kind: kind})
		if writeFrame(out, frameError, payload) != nil || out.Flush() != nil {
			return exitTrouble
		}
		return exitPass
	}
	if len(args) != 1 {
		return fail(kindInternal, errors.New("the scanning process was called without its argument"))
	}
	var request childRequest
	if err := json.Unmarshal([]byte(args[0]), &request); err != nil {
		return fail(kindInternal, err)
	}
	if err := limitMemory(request.Memory); err != nil {
		return fail(kindInternal, fmt.Errorf("set the memory limit: %w", err))
	}
	// The collector works harder long before the hard limit ends the process.
	debug.SetMemoryLimit(request.Memory / 4 * 3)
	go dieWithParent(c.stdin)
	var mu sync.Mutex
	last := time.Time{}
	progress := func(p scan.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) < progressInterval {
			return
		}
		last = time.Now()
		payload, _ := json.Marshal(p)
		if writeFrame(out, frameProgress, payload) == nil {
			out.Flush()
		}
	}
	doc, err := scan.Run(context.Background(), request.Ref, scan.Options{Progress: progress, Platform: request.Platform, Cache: request.Cache})
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		return fail(kindContent, err)
	}
	payload, err := json.Marshal(doc)
	if err != nil {
		return fail(kindInternal, err)
	}
	for _, f := range []struct {
		kind    byte
		payload []byte
	}{{frameDocument, payload}, {frameEnd, []byte(strconv.Itoa(len(payload)))}} {
		if err := writeFrame(out, f.kind, f.payload); err != nil {
			return exitTrouble
		}
	}
	if err := out.Flush(); err != nil {
		return exitTrouble
	}
	return exitPass
}

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	header := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	if _, err := w.Write(header); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

func readFrame(r io.Reader) (byte, []byte, error) {
	var header [5]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(header[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a result of %d bytes, over the limit of %d", n, maxFrame)
	}
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, r, int64(n)); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return header[0], payload.Bytes(), nil
}

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

// scanChild scans one environment in a child process.
func scanChild(ctx context.Context, e environment, limits limitFlags, progress func(scan.Progress)) (*sbom.Document, error) {
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
	request, err := json.Marshal(childRequest{Ref: e.ref, Memory: limits.memory << 20, Platform: e.platform, Cache: limits.cache})
	if err != nil {
		return nil, trouble(err)
	}
	child := exec.CommandContext(timed, exe, childCommand, string(request))
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
	doc, readErr := readResult(stdout, progress)
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
	return doc, nil
}

func timeoutError(limits limitFlags) error {
	return &lostError{fmt.Sprintf("the scan did not finish within %s and was ended (see --scan-timeout)", limits.timeout)}
}

// readResult reads frames up to the end mark.
func readResult(r io.Reader, progress func(scan.Progress)) (*sbom.Document, error) {
	br := bufio.NewReader(r)
	var document []byte
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
		case frameEnd:
			if document == nil || string(payload) != strconv.Itoa(len(document)) {
				return nil, errors.New("the end mark does not fit the result")
			}
			var d sbom.Document
			if err := json.Unmarshal(document, &d); err != nil {
				return nil, err
			}
			return sbom.New(d)
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
