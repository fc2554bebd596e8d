package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/scan"
)

// TestRecognise checks the kinds of files by their content.
func TestRecognise(t *testing.T) {
	tar := strings.Repeat("\x00", 257) + "ustar\x0000"
	for _, tt := range []struct {
		name, text string
		want       fileKind
	}{
		{"nothing", "", fileOther},
		{"a report", `{"schema": 1, "verdict": "pass"}`, fileReport},
		{"a report of another schema", `{"schema": 99}`, fileReport},
		{"a report with sorted keys", `{"baseline": "depaudit.baseline.json", "findings": [{"a": [{}, "]"]}], "pipeline": "p", "schema": 1}`, fileReport},
		{"a report that is broken further on", `{"schema": 1, "stages": [`, fileReport},
		{"a baseline", `{"baseline": 1, "stages": {}}`, fileBaseline},
		{"a snapshot", `{"snapshot": 1, "document": {}}`, fileSnapshot},
		{"CycloneDX", `{"bomFormat": "CycloneDX", "schema": 1}`, fileDocument},
		{"SPDX", `{"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3"}`, fileDocument},
		{"a signed statement", `{"payload": "", "payloadType": "application/vnd.in-toto+json"}`, fileDocument},
		{"syft, whose schema is an object", `{"descriptor": {}, "schema": {"version": "16"}}`, fileOther},
		{"a schema further down", `{"x": {"schema": 1}}`, fileOther},
		{"a list", `[{"schema": 1}]`, fileOther},
		{"a schema that is a text", `{"schema": "1"}`, fileOther},
		{"broken before the schema", `{"a": [}, "schema": 1}`, fileOther},
		{"text", "requests==2.0\n", fileOther},
		{"a tar file", tar, fileArchive},
		{"a compressed file", "\x1f\x8b\x08\x00", fileArchive},
		{"deep", `{"x": ` + strings.Repeat("[", 1<<16), fileOther},
	} {
		got, err := recognise(strings.NewReader(tt.text))
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// FuzzRecognise checks that any input has a kind, and that a file of our own is
// recognized with any text after the number of its format.
func FuzzRecognise(f *testing.F) {
	f.Add(`{"schema": 1, "x": [}`)
	f.Add(`{"a": {"b": [1, {}]}, "baseline": 2}`)
	f.Add("\x1f\x8b")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := recognise(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := recognise(strings.NewReader(`{"schema": 1, ` + text)); got != fileReport || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
	})
}

// TestReadOwners checks the owners of paths that the scanning process writes:
// each must be in the document.
func TestReadOwners(t *testing.T) {
	_, doc := document(t)
	frames := func(owners string) *answer {
		return new(answer).frame(frameDocument, doc).frame(frameOwners, owners).frame(frameEnd, strconv.Itoa(len(doc)+len(owners)))
	}
	want := []scan.Owner{{Path: "/x\n", Real: "/y", ID: "pypi/six@1.16.0"}, {Path: "/z"}}
	payload, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readResult(&frames(string(payload)).Buffer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Owners); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, a := range map[string]*answer{
		"the owner is not there": frames(`[{"path": "/x", "id": "pypi/seven@1"}]`),
		"not JSON":               frames(`[`),
		"not counted at the end": new(answer).frame(frameDocument, doc).frame(frameOwners, `[]`).frame(frameEnd, strconv.Itoa(len(doc))),
	} {
		if got, err := readResult(&a.Buffer, nil); err == nil || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
