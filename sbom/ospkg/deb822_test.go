package ospkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readStanzas reads a whole text; each stanza as "line: name=value ...".
func readStanzas(text string) ([]string, error) {
	r := &stanzaReader{lines: newLines(context.Background(), strings.NewReader(text), "f")}
	var out []string
	for {
		s, err := r.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		line := fmt.Sprintf("%d:", s.line)
		for _, f := range s.fields {
			line += fmt.Sprintf(" %s=%q@%d", f.name, f.value, f.line)
		}
		out = append(out, line)
	}
}

func TestStanzasAreRead(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"\n\n\n", nil},
		{"A: 1\nB:2\n", []string{`1: A="1"@1 B="2"@2`}},
		{"A: 1\n\n\n\nB: 2\n\n", []string{`1: A="1"@1`, `5: B="2"@5`}},
		{"A:\n x\n\ty \n .\nB: b\n", []string{`1: A="\nx\ny\n."@1 B="b"@5`}},
		{"A: x\n \n y\n", []string{`1: A="x\n\ny"@1`}}, // dpkg warns and continues
		{"A : x:y\n", []string{`1: A="x:y"@1`}},
		{"A: x\r\nB: y\r\n", []string{`1: A="x"@1 B="y"@2`}},
	} {
		got, err := readStanzas(test.in)
		if err != nil {
			t.Errorf("%q: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestBrokenStanzasAreRefused(t *testing.T) {
	many := &strings.Builder{}
	for i := range maxFields + 1 {
		fmt.Fprintf(many, "F%d: x\n", i)
	}
	for _, test := range []struct{ name, in, want string }{
		{"truncated", "A: 1\nB: 2", "f:2: the last line has no newline: the file is truncated (restore it from a backup, such as /var/lib/dpkg/status-old)"},
		{"duplicate field", "A: 1\n\nA: 1\nB: 2\na: 3\n", `f:5: field "a" appears twice in one record, first in line 3`},
		{"zero byte", "A: 1\nB: \x00\n", "f:2: zero byte: this is not a text file (the file is damaged; restore it from a backup)"},
		{"other line ends", "A: 1\r\n\r\nA: 2\r\n", "f:2: line ends with a carriage return (the file was edited with the line endings of another system)"},
		{"binary", "\x7fELF\x02\x01\n", `f:1: "\x7fELF\x02\x01" is not a field`},
		{"no colon", "A: 1\nB\n", `f:2: "B" is not a field`},
		{"no name", ": 1\n", `f:1: ": 1" is not a field`},
		{"comment", "A: 1\n# x: y\n", `f:2: "# x: y" is not a field`},
		{"blank in name", "A B: 1\n", `f:1: "A B: 1" is not a field`},
		{"continuation first", " x\n", "f:1: continuation line without a field before it"},
		{"long line", "A: 1\nB: " + strings.Repeat("x", maxLine) + "\n", "f:2: line is longer than 1048576 bytes"},
		{"many fields", many.String(), "f:257: record has more than 256 fields"},
		{"long record", "A:\n" + strings.Repeat(" "+strings.Repeat("x", 999_999)+"\n", 17), "f:18: record is longer than 16777216 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readStanzas(test.in)
			if err == nil {
				t.Fatalf("read as %q", got)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var parse *parseError
			if !errors.As(err, &parse) {
				t.Errorf("%T is no parseError", err)
			}
		})
	}
}

// endless never ends and never has a newline.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestReadingStopsAtTheLimit(t *testing.T) {
	e := &endless{}
	l := newLines(context.Background(), e, "f")
	if line, ok := l.next(); ok {
		t.Fatalf("a line of %d bytes", len(line))
	}
	var limit *limitError
	if !errors.As(l.err, &limit) || e.read > 4*maxLine {
		t.Errorf("%v after %d bytes", l.err, e.read)
	}
}

func TestReadingStopsOnCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l := newLines(ctx, strings.NewReader("A: 1\n"), "f")
	if _, ok := l.next(); ok || !errors.Is(l.err, context.Canceled) {
		t.Errorf("read on after the cancel: %v", l.err)
	}
}

// FuzzStanzas checks that reading, printing and reading again gives the same
// stanzas, and that line numbers are right.
func FuzzStanzas(f *testing.F) {
	f.Add("Package: a\nStatus: install ok installed\nConffiles:\n /etc/x 00\nDescription: x\n .\n y\n\nPackage: b\n")
	f.Add("A: 1\r\nB:\t2\n \n\n\nC: 3\n")
	f.Fuzz(func(t *testing.T, in string) {
		read := func(text string) (out []stanza, err error) {
			r := &stanzaReader{lines: newLines(context.Background(), strings.NewReader(text), "f")}
			for {
				s, err := r.next()
				if errors.Is(err, io.EOF) {
					return out, nil
				}
				if err != nil {
					return nil, err
				}
				out = append(out, stanza{s.line, append([]field(nil), s.fields...)})
			}
		}
		first, err := read(in)
		if err != nil {
			return
		}
		var text strings.Builder
		for _, s := range first {
			if lines := strings.Split(in, "\n"); !strings.HasPrefix(lines[s.line-1], s.fields[0].name) {
				t.Errorf("line %d does not have field %s", s.line, s.fields[0].name)
			}
			for _, f := range s.fields {
				text.WriteString(f.name + ": " + strings.ReplaceAll(f.value, "\n", "\n ") + "\n")
			}
			text.WriteString("\n")
		}
		second, err := read(text.String())
		if err != nil {
			t.Fatalf("%q was read, but what it prints, %q, is not: %v", in, text.String(), err)
		}
		for _, list := range [][]stanza{first, second} {
			for i := range list {
				list[i].line = 0
				for j := range list[i].fields {
					list[i].fields[j].line = 0
				}
			}
		}
		if a, b := fmt.Sprintf("%#v", first), fmt.Sprintf("%#v", second); a != b {
			t.Errorf("%q became\n%s, and that\n%s", in, a, b)
		}
	})
}

// FuzzStatus checks that reading records does not panic, and that every record
// has the fields that other code relies on.
func FuzzStatus(f *testing.F) {
	f.Add(record("a", "Depends: b (>= 1) | c", "Conffiles:", " /etc/x y d41d8cd98f00b204e9800998ecf8427e obsolete"))
	f.Add("Package: a\nStatus: deinstall ok config-files\nVersion: 1:2-3\nSource: b (4)\nInstalled-Size: 9223372036854775807\n")
	f.Fuzz(func(t *testing.T, in string) {
		_ = readStatus(context.Background(), strings.NewReader(in), "f", false, func(p *dpkgRecord) error {
			if !validPackageName(p.name) || p.line < 1 || p.size < 0 {
				t.Errorf("record %+v", p)
			}
			if p.version == "" && p.state != "not-installed" && p.state != "half-installed" {
				t.Errorf("record without a version: %+v", p)
			}
			for _, f := range p.conffiles {
				if !cleanPath(f.path) {
					t.Errorf("conffile %q", f.path)
				}
			}
			return nil
		})
	})
}
