package trust

import (
	"bytes"
	"errors"
	"fmt"
)

// The lines of a clear-signed text
// (https://www.rfc-editor.org/rfc/rfc9580.html#section-7).
const (
	clearsignBegin = "-----BEGIN PGP SIGNED MESSAGE-----"
	signatureBegin = "-----BEGIN PGP SIGNATURE-----"
	signatureEnd   = "-----END PGP SIGNATURE-----"
)

// IsClearsigned reports whether data begins as a clear-signed text does.
func IsClearsigned(data []byte) bool {
	line, _ := cutLine(data)
	return string(line) == clearsignBegin
}

// SplitClearsigned splits a clear-signed file into the signed text, without its
// dashes for escape and the white space at the ends of lines, and the armored
// signatures. The file must have nothing else: text before or after it is not
// signed, and a reader that skips the frame takes it for a part of the file. gpg
// and other implementations do not agree on files with more than one message or
// with lines that are not escaped, so those are errors too, as they are for apt.
func SplitClearsigned(data []byte) (text, signatures []byte, err error) {
	line, rest := cutLine(data)
	if string(line) != clearsignBegin {
		if bytes.Contains(data, []byte("\n"+clearsignBegin)) {
			return nil, nil, errors.New("text before the signed part")
		}
		return nil, nil, errors.New("file is not clear-signed")
	}
	for {
		if len(rest) == 0 {
			return nil, nil, errors.New("clear-signed file is truncated")
		}
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		if !bytes.HasPrefix(line, []byte("Hash: ")) {
			return nil, nil, errors.New("clear-signed file has a header other than Hash")
		}
	}
	var b bytes.Buffer
	for first := true; ; first = false {
		if len(rest) == 0 {
			return nil, nil, errors.New("clear-signed file is truncated: it has no signature")
		}
		start := rest
		line, rest = cutLine(rest)
		if string(line) == signatureBegin {
			signatures, err = onlySignatures(start)
			return b.Bytes(), signatures, err
		}
		if bytes.HasPrefix(line, []byte("- ")) {
			line = line[2:]
		} else if bytes.HasPrefix(line, []byte("-")) {
			return nil, nil, fmt.Errorf("line of the signed part begins with a dash that is not escaped: %.40q", line)
		}
		if !first {
			b.WriteByte('\n')
		}
		b.Write(bytes.TrimRight(line, " \t\r"))
	}
}

// onlySignatures returns data if it is armored signatures with nothing around
// them.
func onlySignatures(data []byte) ([]byte, error) {
	within := false
	for rest := data; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		switch s := string(bytes.TrimRight(line, " \t")); {
		case s == signatureBegin && !within:
			within = true
		case s == signatureEnd && within:
			within = false
		case bytes.HasPrefix(line, []byte("-----")):
			return nil, errors.New("clear-signed file has a block that is not a signature")
		case !within && s != "":
			return nil, errors.New("text after the signed part")
		}
	}
	if within {
		return nil, errors.New("clear-signed file is truncated: its signature has no end")
	}
	return data, nil
}

// cutLine returns the first line without its end, and what follows.
func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}
