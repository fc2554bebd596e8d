package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
)

// fileKind is the kind of a file by its content. A file of none of these kinds
// is read as an SBOM, and the reader of SBOMs reports what is wrong.
type fileKind int

const (
	fileOther fileKind = iota
	fileReport
	fileBaseline
	fileSnapshot
	fileManifest // of a release
	fileDocument // an SBOM, or a statement with one
	fileArchive
)

func recogniseFile(path string) (fileKind, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileOther, readable(path, err)
	}
	defer f.Close()
	kind, err := recognise(f)
	if err != nil {
		return fileOther, readable(path, err)
	}
	return kind, nil
}

// recognise returns the kind of a JSON object by its keys, and reads only as far
// as necessary. Text that is malformed after that point, or is not JSON at all,
// is not an error here.
func recognise(r io.Reader) (fileKind, error) {
	const (
		tarMagic   = "ustar"
		tarMagicAt = 257
	)
	b := bufio.NewReader(r)
	head, err := b.Peek(tarMagicAt + len(tarMagic))
	if err != nil && err != io.EOF {
		return fileOther, err
	}
	switch {
	case len(head) > tarMagicAt && string(head[tarMagicAt:]) == tarMagic,
		bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return fileArchive, nil
	}
	d := json.NewDecoder(io.LimitReader(b, maxSniff))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fileOther, nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fileOther, nil
		}
		value, err := d.Token()
		if err != nil {
			return fileOther, nil
		}
		if kind, ok := kindByKey(key, value); ok {
			return kind, nil
		}
		if !skipValue(d, value) {
			return fileOther, nil
		}
	}
	return fileOther, nil
}

// maxSniff bounds the search for a key. depaudit's files begin with it; the bound
// is for files whose keys were sorted by another program.
const maxSniff = 64 << 20

// kindByKey returns the kind that a key at the top implies. depaudit's formats
// have their version as a number; the "baseline" of a report is a path.
func kindByKey(key, value json.Token) (fileKind, bool) {
	if _, number := value.(float64); number {
		switch key {
		case "schema":
			return fileReport, true
		case "baseline":
			return fileBaseline, true
		case "snapshot":
			return fileSnapshot, true
		case "release":
			return fileManifest, true
		}
	}
	switch key {
	case "bomFormat", "spdxVersion", "SPDXID", "artifacts", "@context", "payloadType", "_type":
		return fileDocument, true
	}
	return fileOther, false
}

// skipValue reads to the end of the value that begins with a token.
func skipValue(d *json.Decoder, first json.Token) bool {
	opening := func(t json.Token) bool { return t == json.Delim('{') || t == json.Delim('[') }
	if !opening(first) {
		return true
	}
	for depth := 1; depth > 0; {
		t, err := d.Token()
		switch {
		case err != nil:
			return false
		case opening(t):
			depth++
		case t == json.Delim('}') || t == json.Delim(']'):
			depth--
		}
	}
	return true
}
