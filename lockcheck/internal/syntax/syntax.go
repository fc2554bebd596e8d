// Package syntax has what every reader of lock files and of definitions of jobs
// needs of YAML, of JSON with comments, and for messages about them. The trees that
// the readers build differ (one keeps offsets, the other lines, tags and styles),
// and stay where they are.
package syntax

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/tailscale/hujson"
)

// MaxQuoted is the length in bytes of the longest untrusted string that a message
// repeats: longer than any real name or version, too short to flood a report.
const MaxQuoted = 120

// Quote quotes an untrusted string for a sentence and shortens it to one line.
// Escaping for a terminal is the renderer's task.
func Quote(s string) string {
	if len(s) <= MaxQuoted {
		return strconv.Quote(s)
	}
	cut := MaxQuoted
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}

// OddBreak returns the offset of the first line break that is neither "\n" nor
// "\r\n", or -1: a carriage return alone, and those that YAML 1.1 has and version
// 1.2 does not (NEL, LS, PS; https://yaml.org/spec/1.2.2/#54-line-break-characters).
// What follows one in a comment is a line of its own to some readers only, and an
// editor does not show it.
func OddBreak(data []byte) int {
	for i, c := range data {
		switch rest := data[i+1:]; {
		case c == '\r' && !bytes.HasPrefix(rest, []byte("\n")),
			c == 0xc2 && bytes.HasPrefix(rest, []byte{0x85}),
			c == 0xe2 && (bytes.HasPrefix(rest, []byte{0x80, 0xa8}) || bytes.HasPrefix(rest, []byte{0x80, 0xa9})):
			return i
		}
	}
	return -1
}

var yamlLine = lazyregexp.New(`^yaml: line ([0-9]+): `)

// YAMLError returns the line of an error of go.yaml.in/yaml in a file of so many
// lines, 1 if it names none, and its text without the line, shortened.
func YAMLError(err error, lines int) (line int, msg string) {
	line, msg = 1, err.Error()
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = msg[len(m[0]):]
	}
	msg = strings.TrimPrefix(msg, "yaml: ")
	if len(msg) > MaxQuoted {
		msg = strings.ToValidUTF8(msg[:MaxQuoted], "") + "…"
	}
	return min(max(line, 1), lines), msg
}

// PlainJSON replaces the comments and trailing commas of JSON with comments
// (https://nigeltao.github.io/blog/2021/json-with-commas-comments.html) by spaces,
// so that every value keeps its place. A text that is not even that, or is nested
// deeper than depth, is returned as it is, for the error of the JSON parser.
func PlainJSON(data []byte, depth int) []byte {
	if nesting(data) > depth {
		return data // the library recurses
	}
	plain, err := hujson.Standardize(bytes.Clone(data))
	if err != nil {
		return data
	}
	return plain
}

// nesting returns the greatest number of brackets that are open at one place, without
// those in strings and comments, which open and close nothing.
func nesting(data []byte) int {
	deepest, depth := 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			for i++; i < len(data) && data[i] != '"' && data[i] != '\n'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case c == '/' && bytes.HasPrefix(data[i:], []byte("//")):
			i = after(data, i+2, "\n")
		case c == '/' && bytes.HasPrefix(data[i:], []byte("/*")):
			i = after(data, i+2, "*/")
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// after returns the offset of the last byte of the next mark, or of the data.
func after(data []byte, from int, mark string) int {
	if n := bytes.Index(data[from:], []byte(mark)); n >= 0 {
		return from + n + len(mark) - 1
	}
	return len(data)
}
