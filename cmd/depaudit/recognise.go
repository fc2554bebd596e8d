package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
)

// fileKind is what a file turns out to be. What is none of these is taken for
// an SBOM: whoever reads those knows best what it is instead.
type fileKind int

const (
	fileOther fileKind = iota
	fileReport
	fileBaseline
	fileSnapshot
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

// recognise tells by the keys of a JSON object what it is, and reads no
// further than it has to. A text that is broken behind that point, or is no
// JSON at all, is no error here.
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

// maxSniff bounds what is read of a file that does not say early what it is.
// depaudit's own begin with it; this is for those whose keys were sorted.
const maxSniff = 64 << 20

// kindByKey knows the keys at the top that settle it. depaudit's own formats
// have their version as a number; a report may have a "baseline" too, which
// is a path.
func kindByKey(key, value json.Token) (fileKind, bool) {
	if _, number := value.(float64); number {
		switch key {
		case "schema":
			return fileReport, true
		case "baseline":
			return fileBaseline, true
		case "snapshot":
			return fileSnapshot, true
		}
	}
	switch key {
	case "bomFormat", "spdxVersion", "SPDXID", "artifacts", "@context", "payloadType", "_type":
		return fileOther, true
	}
	return fileOther, false
}

// skipValue reads to the end of a value that begins with a token.
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
