package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// answer is what a scanning process writes: frames of a kind and a payload.
type answer struct{ bytes.Buffer }

func (a *answer) frame(kind byte, payload string) *answer {
	if err := writeFrame(&a.Buffer, kind, []byte(payload)); err != nil {
		panic(err)
	}
	return a
}

func document(t testing.TB) (*sbom.Document, string) {
	t.Helper()
	d, err := sbom.New(sbom.Document{
		Environment: sbom.Environment{Ref: "dir:/x", Kind: "dir"},
		Components: []sbom.Component{
			{Kind: sbom.KindPackage, Type: "pypi", Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return d, string(payload)
}

func TestReadResult(t *testing.T) {
	want, doc := document(t)
	size := strconv.Itoa(len(doc))
	var phases []string
	whole := new(answer).frame(frameProgress, `{"phase":"walking","files":3}`).frame(frameDocument, doc).frame(frameEnd, size).Bytes()
	got, err := readResult(bytes.NewReader(whole), func(p scan.Progress) { phases = append(phases, fmt.Sprint(p.Phase, p.Files)) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Document); diff != "" || got.Snapshot != nil {
		t.Errorf("(-want +got)\n%s\nand a snapshot of %d bytes", diff, len(got.Snapshot))
	}
	both := new(answer).frame(frameDocument, doc).frame(frameSnapshot, "marks").frame(frameEnd, strconv.Itoa(len(doc)+5)).Bytes()
	if got, err := readResult(bytes.NewReader(both), nil); err != nil || string(got.Snapshot) != "marks" {
		t.Errorf("with a snapshot: %v, %v", got, err)
	}
	if len(phases) != 1 || phases[0] != "walking3" {
		t.Errorf("progress %q", phases)
	}
	// However much of it is missing, it is not a result.
	for n := range whole {
		if got, err := readResult(bytes.NewReader(whole[:n]), nil); err == nil || got != nil {
			t.Fatalf("the first %d of %d bytes are a result: %v", n, len(whole), got)
		}
	}
	for _, tt := range []struct {
		name, want string
		answer     *answer
	}{
		{"end mark for another length", "end frame", new(answer).frame(frameDocument, doc).frame(frameEnd, "1")},
		{"end mark for a snapshot that is not there", "end frame", new(answer).frame(frameDocument, doc).frame(frameEnd, strconv.Itoa(len(doc)+5))},
		{"end mark without a number", "end frame", new(answer).frame(frameDocument, doc).frame(frameEnd, "")},
		{"end without a document", "end frame", new(answer).frame(frameEnd, "0")},
		{"half a document, whole frames", "unexpected end", new(answer).frame(frameDocument, doc[:9]).frame(frameEnd, "9")},
		{"a document that is not valid", "is bundled in nobody", new(answer).frame(frameDocument, orphan).frame(frameEnd, strconv.Itoa(len(orphan)))},
		{"another kind of frame", "unknown frame", new(answer).frame('X', "").frame(frameDocument, doc).frame(frameEnd, size)},
		{"an error after the document", "disk on fire", new(answer).frame(frameDocument, doc).frame(frameError, `{"message":"disk on fire","kind":"content"}`)},
		{"text of a crash", "over the limit", &answer{*bytes.NewBufferString("panic: runtime error\n\ngoroutine 1 [running]:\n")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readResult(&tt.answer.Buffer, nil)
			if got != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	var reported *scanError
	if _, err := readResult(new(answer).frame(frameError, `{"message":"m","kind":"internal"}`), nil); !errors.As(err, &reported) || reported.Kind != kindInternal || err.Error() != "m" {
		t.Errorf("error frame: %v", err)
	}
}

// orphan has a component inside of one that is not there.
const orphan = `{"environment":{"ref":"dir:/x","kind":"dir"},"components":[
	{"id":"pypi/six@1","purl":"pkg:pypi/six@1","kind":"package","type":"pypi","name":"six","version":"1","owner":"nobody"}]}`

// FuzzReadResult checks that any input gives either a result or an error, and
// that a result survives being written and read again.
func FuzzReadResult(f *testing.F) {
	_, doc := document(f)
	f.Add(new(answer).frame(frameDocument, doc).frame(frameEnd, strconv.Itoa(len(doc))).Bytes())
	f.Add(new(answer).frame(frameProgress, `{}`).frame(frameError, `{}`).Bytes())
	f.Add([]byte("D\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := readResult(bytes.NewReader(in), nil)
		if (got == nil) == (err == nil) {
			t.Fatalf("%v, %v", got, err)
		}
		if err != nil {
			return
		}
		// What was read is a document, and stays the same document.
		payload, err := json.Marshal(got.Document)
		if err != nil {
			t.Fatal(err)
		}
		again := new(answer).frame(frameDocument, string(payload)).frame(frameEnd, strconv.Itoa(len(payload)))
		if back, err := readResult(&again.Buffer, nil); err != nil || cmp.Diff(got.Document, back.Document) != "" {
			t.Fatalf("%v\n%s", err, cmp.Diff(got.Document, back.Document))
		}
	})
}

// TestLossReason checks the reasons, and their hints, of a scan without a result.
func TestLossReason(t *testing.T) {
	limits := limitFlags{memory: 256}
	exit := errors.New("exit status 2")
	for _, tt := range []struct {
		words, want string
		peak        int64 // MiB
	}{
		{words: "SIGSEGV: segmentation violation\nPC=0x0", peak: 200, want: "the scan crashed near its limit: it may need more than 256 MiB of memory (see --scan-memory)"},
		{words: "SIGSEGV: segmentation violation\nPC=0x0", peak: 20, want: "the scanning process ended without a result (exit status 2): SIGSEGV: segmentation violation"},
		{words: "fatal error: runtime: out of memory\n\ngoroutine 1", want: "the scan needed more than 256 MiB of memory and was canceled (see --scan-memory)"},
		{words: "runtime: cannot allocate memory", want: "the scan needed more than 256 MiB of memory and was canceled (see --scan-memory)"},
		{words: "runtime/cgo: pthread_create failed: Resource temporarily unavailable", want: "the scan could not start a thread: it needs more than 256 MiB of memory (see --scan-memory), or the number of processes is limited"},
		{words: "panic: index out of range\n\ngoroutine 7", want: "the scanning process ended without a result (exit status 2): panic: index out of range"},
		{words: "", want: "the scanning process ended without a result (exit status 2)"},
	} {
		if got := lossReason(nil, exit, tt.words, tt.peak<<20, limits); got != tt.want {
			t.Errorf("%q\n got %s\nwant %s", tt.words, got, tt.want)
		}
	}
}

// TestHeadWriter checks that a child that writes without end uses bounded memory.
func TestHeadWriter(t *testing.T) {
	w := &headWriter{max: 10}
	for range 1000 {
		if n, err := w.Write([]byte("abcdefg")); n != 7 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := w.String(); got != "abcdefgabc" {
		t.Errorf("kept %q", got)
	}
}

// TestBytesThroughFrames checks that names that are not UTF-8 reach the
// scanning process and come back from it, each as another one.
func TestBytesThroughFrames(t *testing.T) {
	raw := sbom.Document{Environment: sbom.Environment{Ref: "dir:\xff", Kind: "dir"}}
	for b := 0x80; b <= 0xff; b++ {
		name := string([]byte{byte(b)})
		raw.Components = append(raw.Components, sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: name, Paths: []string{"/" + name}})
	}
	want, err := sbom.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readResult(bytes.NewReader(new(answer).frame(frameDocument, string(payload)).frame(frameEnd, strconv.Itoa(len(payload))).Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Document); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	request := childRequest{
		Request: pipeline.Request{Ref: rootfs.Ref{Scheme: "dir", Path: "a\x80" + `\x80`, Tag: "\xff", Stage: "\xff"}, Cache: "\x81", Since: "\x82", Platform: "x", Paths: []string{"/\xff", `/\xff`}},
		File:    "\x80",
	}
	text, err := encodeRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeRequest(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(request, back); diff != "" {
		t.Errorf("request (-want +got)\n%s", diff)
	}
}
