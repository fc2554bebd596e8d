package scan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxInterpreterLine is the number of bytes of a script that the kernel reads
// to find its interpreter (BINPRM_BUF_SIZE in linux/binfmts.h).
const maxInterpreterLine = 256

// scripts adds the interpreters of the scripts that the system does not own.
func (e *edges) scripts(ctx context.Context) {
	type file struct {
		unit int
		head []byte
	}
	scripts := e.sniffed.scripts
	all := make([]file, len(scripts))
	inParallel(ctx, len(scripts), func(i int) {
		if all[i].unit = e.accountedBy(scripts[i]); all[i].unit >= 0 && e.outside(all[i].unit) {
			all[i].head = e.headOf(scripts[i], maxInterpreterLine)
		}
	})
	for i, f := range all {
		if len(f.head) == 0 {
			continue
		}
		program, line := interpreterOf(f.head)
		n := rootfs.None
		switch {
		case program == "":
		case strings.HasPrefix(program, "/"):
			n = e.tree.Resolve(program)
		default:
			n = e.program(program, rootfs.None)
		}
		if n != rootfs.None && e.tree.Kind(n) == rootfs.File {
			e.add(f.unit, e.ownerOf(n), sbom.RelInterpreter, edgeReason{via: line, file: e.tree.Path(scripts[i])})
		}
	}
}

// headOf returns the beginning of a file, nil when it cannot be read.
func (s *inventory) headOf(n rootfs.Node, size int) []byte {
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, size)
	got, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return head[:got]
}

// interpreterOf parses the first line of a script as execve(2) does: a path and
// one argument. For env(1) it returns the name of the program that env runs,
// which has no slash.
func interpreterOf(head []byte) (program, line string) {
	head, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return "", ""
	}
	text, _, _ := bytes.Cut(head, []byte("\n"))
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	line = strings.Trim(string(text), " \t\r")
	words := strings.Fields(line)
	if len(words) == 0 || !path.IsAbs(words[0]) {
		return "", ""
	}
	if path.Base(words[0]) != "env" {
		return words[0], line
	}
	for _, w := range words[1:] {
		if w = strings.TrimPrefix(w, "-S"); w == "" || strings.HasPrefix(w, "-") || strings.Contains(w, "=") {
			continue // an option, or a variable that env sets
		}
		return w, line
	}
	return words[0], line
}
