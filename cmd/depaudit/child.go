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
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// Each environment is scanned in a child process of the same binary: catalogers
// read untrusted files, and have been seen to need 7 GB for a small jar, to
// continue writing after a cancel, and to deadlock. The child has a memory limit,
// a time limit and a temporary directory that the parent removes.
//
// The child writes frames to its standard output: one byte of kind, four bytes of
// length, the payload. The last frame has the number of bytes of the result, so
// that a part of a result is never read as a whole one. The child ends when its
// standard input is closed, by the parent or by the parent's death.

// childCommand is the first argument of a child.
const childCommand = "__scan"

// Kinds of frames.
const (
	frameProgress = 'P' // a scan.Progress
	frameDocument = 'D' // an sbom.Document
	frameSnapshot = 'S' // the bytes of a snapshot file
	frameOwners   = 'O' // the scan.Owners of the requested paths
	frameProof    = 'V' // the audit.Proof that was requested
	frameFiles    = 'F' // the diff.Files that were requested
	frameError    = 'E' // a childError
	frameEnd      = 'Z' // the number of bytes of all parts of the result, decimal
)

// maxFrame bounds one frame. The document of a machine with 300,000 files
// and 30,000 packages is about 30 MB.
const maxFrame = 512 << 20

// slowFile is the time after which the progress names the file that is being
// read.
const slowFile = 2 * time.Second

// childRequest is the child's task, as JSON in its second argument. JSON
// replaces bytes that are not UTF-8, and a path may have some: encodeRequest
// escapes the strings and decodeRequest restores them.
type childRequest struct {
	pipeline.Request
	// File has the request's input, empty for none.
	File string `json:"file,omitempty"`
	// Memory is the limit in bytes.
	Memory int64 `json:"memory"`
}

func encodeRequest(r childRequest) (string, error) {
	r.mapStrings(sbom.Escape)
	b, err := json.Marshal(r)
	return string(b), err
}

func decodeRequest(s string) (childRequest, error) {
	var r childRequest
	err := json.Unmarshal([]byte(s), &r)
	r.mapStrings(sbom.Unescape)
	return r, err
}

func (r *childRequest) mapStrings(f func(string) string) {
	for _, s := range []*string{&r.Ref.Scheme, &r.Ref.Path, &r.Ref.Tag, &r.Ref.Stage, &r.File, &r.Platform, &r.Cache, &r.Since} {
		*s = f(*s)
	}
	lists := []*[]string{&r.Paths, &r.Own}
	if r.Verify != nil {
		v := *r.Verify
		r.Verify = &v
		v.Cache = f(v.Cache)
		lists = append(lists, &v.Indexes, &v.Trust, &v.Artifacts, &v.Locks)
		v.For = slices.Clone(v.For)
		for i := range v.For {
			lists = append(lists, &v.For[i])
		}
	}
	for _, list := range lists {
		*list = slices.Clone(*list)
		for i := range *list {
			(*list)[i] = f((*list)[i])
		}
	}
}

type childError struct {
	Message string `json:"message"`
	// Kind is one of the constants.
	Kind string `json:"kind"`
}

const (
	kindContent   = "content"   // the environment cannot be scanned
	kindSelection = "selection" // the reference names no image, or several
	kindInternal  = "internal"  // the child could not run
)

// child is the program as a child: it scans and writes frames.
func (c *command) child(args []string) int {
	out := bufio.NewWriter(c.stdout)
	fail := func(kind string, err error) int {
		payload, _ := json.Marshal(childError{Message: sbom.ValidText(err.Error()), Kind: kind})
		if writeFrame(out, frameError, payload) != nil || out.Flush() != nil {
			return exitTrouble
		}
		return exitPass
	}
	if len(args) != 1 {
		return fail(kindInternal, errors.New("the scanning process was called without its argument"))
	}
	request, err := decodeRequest(args[0])
	if err != nil {
		return fail(kindInternal, err)
	}
	if err := limitMemory(request.Memory); err != nil {
		return fail(kindInternal, fmt.Errorf("set the memory limit: %w", err))
	}
	// The collector works harder before the hard limit ends the process.
	debug.SetMemoryLimit(request.Memory / 4 * 3)
	go dieWithParent(c.stdin)
	var mu sync.Mutex
	var last time.Time
	var latest scan.Progress
	log := newReadingLog(os.TempDir())
	send := func(p scan.Progress) {
		p.File = sbom.Escape(p.File)
		payload, _ := json.Marshal(p)
		if writeFrame(out, frameProgress, payload) == nil {
			out.Flush()
		}
	}
	progress := func(p scan.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Warning != "" {
			send(p)
			return
		}
		latest = p
		if time.Since(last) >= progressInterval {
			last = time.Now()
			send(p)
		}
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(slowFile):
			}
			mu.Lock()
			if file := log.longest(slowFile); file != latest.File {
				latest.File = file
				send(latest)
			}
			mu.Unlock()
		}
	}()
	request.Reading = log.opened
	found, err := makeResult(request, progress)
	close(ended)
	mu.Lock()
	defer mu.Unlock()
	var selection *rootfs.SelectionError
	switch {
	case errors.As(err, &selection):
		return fail(kindSelection, err)
	case err != nil:
		return fail(kindContent, err)
	}
	payload, err := json.Marshal(found.Document)
	if err != nil {
		return fail(kindInternal, err)
	}
	frames := []frame{{frameDocument, payload}}
	if request.Snapshot {
		frames = append(frames, frame{frameSnapshot, found.Snapshot})
	}
	if len(found.Owners) > 0 {
		owners, err := json.Marshal(found.Owners)
		if err != nil {
			return fail(kindInternal, err)
		}
		frames = append(frames, frame{frameOwners, owners})
	}
	if found.Proof != nil {
		proof, err := json.Marshal(found.Proof)
		if err != nil {
			return fail(kindInternal, err)
		}
		frames = append(frames, frame{frameProof, proof})
	}
	if request.Files {
		files, err := json.Marshal(found.Files)
		if err != nil {
			return fail(kindInternal, err)
		}
		frames = append(frames, frame{frameFiles, files})
	}
	size := 0
	for _, f := range frames {
		size += len(f.payload)
	}
	frames = append(frames, frame{frameEnd, []byte(strconv.Itoa(size))})
	for _, f := range frames {
		if err := writeFrame(out, f.kind, f.payload); err != nil {
			return exitTrouble
		}
	}
	if err := out.Flush(); err != nil {
		return exitTrouble
	}
	return exitPass
}

// makeResult is the child's work.
func makeResult(request childRequest, progress func(scan.Progress)) (*pipeline.Result, error) {
	r := request.Request
	r.Now = time.Now()
	if request.File != "" {
		f, err := os.Open(request.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r.Input = f
	}
	return pipeline.InProcess(context.Background(), r, progress)
}

type frame struct {
	kind    byte
	payload []byte
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
