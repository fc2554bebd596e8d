package ospkg

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The database of dpkg has no licences. Each package has a file with them instead
// (Debian Policy, section 12.5), most of them in a format for machines: stanzas of
// fields, of which the first has the format and the others a field License for the
// files of a field Files
// (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/). Of a file in
// another format nothing is taken: it would be a guess.

const (
	docDir    = "/usr/share/doc"
	copyright = "copyright"
	// maxCopyright is the largest file that is read; those of the largest packages of
	// Debian have some hundred kilobytes.
	maxCopyright = 4 << 20
	// maxLicenses is the number of different statements of one package. Some programs
	// have 60.
	maxLicenses = 200
)

// addLicenses reads what packages state about their licences, from files that they own.
func (d *dpkg) addLicenses(ctx context.Context) error {
	docs := d.tree.Resolve(docDir)
	if docs == rootfs.None {
		return nil
	}
	// Packages of one source often share one file.
	read := make(map[rootfs.Node][]string)
	for i := range d.Components {
		c := &d.Components[i]
		n := d.copyrightOf(docs, i)
		if n == rootfs.None || len(c.Licenses) > 0 {
			continue
		}
		statements, known := read[n]
		if !known {
			if err := ctx.Err(); err != nil {
				return err
			}
			// A file that cannot be read leaves the licence unknown, which the
			// document states; nothing is counted by it.
			if data, err := d.tree.ReadFile(n, maxCopyright); err == nil {
				statements = copyrightLicenses(data)
			}
			read[n] = statements
		}
		c.Licenses = statements
	}
	return nil
}

// copyrightOf returns the file with the licences of a package, None if no package owns
// one: that in its own directory, or that to which a link of its own leads. A package
// of several architectures shares it with itself.
func (d *dpkg) copyrightOf(docs rootfs.Node, component int) rootfs.Node {
	name := d.Components[component].Name
	own := func(n rootfs.Node) bool {
		return d.Owns(n) && d.Components[d.owner[n]-1].Name == name
	}
	dir := d.tree.Child(docs, name)
	if dir == rootfs.None {
		return rootfs.None
	}
	linked := d.tree.Kind(dir) == rootfs.Symlink && own(dir)
	dir = d.tree.ResolveNode(dir)
	if dir == rootfs.None || d.tree.Kind(dir) != rootfs.Dir {
		return rootfs.None
	}
	n := d.tree.Child(dir, copyright)
	if n == rootfs.None {
		return n
	}
	linked = linked || d.tree.Kind(n) == rootfs.Symlink && own(n)
	if n = d.tree.ResolveNode(n); n == rootfs.None || d.tree.Kind(n) != rootfs.File || !(own(n) || linked && d.Owns(n)) {
		return rootfs.None
	}
	return n
}

// copyrightLicenses returns the different statements of a file in the format for
// machines, the one about the whole package and those for all files first; nil for a
// file in another format. The text of a licence, and a stanza that has only that, is no
// statement.
func copyrightLicenses(data []byte) []string {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var first, rest []string
	var license string
	var files, all, header, known bool
	flush := func() {
		if s := sbom.Statement(license); s != "" && (files || header) {
			if header || all {
				first = append(first, s)
			} else {
				rest = append(rest, s)
			}
		}
		license, files, all, header = "", false, false, false
	}
	stanzas, inFiles := 0, false
	begun := false
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, " \t\r\n")
		if len(line) == 0 {
			flush()
			begun, inFiles = false, false
			if stanzas == 1 && !known {
				return nil
			}
			continue
		}
		if !begun {
			begun = true
			stanzas++
		}
		if line[0] == ' ' || line[0] == '\t' {
			all = all || inFiles && string(bytes.TrimSpace(line)) == "*"
			continue
		}
		inFiles = false
		name, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "format":
			if stanzas == 1 {
				known = strings.Contains(value, "//www.debian.org/doc/packaging-manuals/copyright-format/1.0")
				header = true
			}
		case "files":
			files, inFiles = true, true
			all = slices.Contains(strings.Fields(value), "*")
		case "license":
			license = value
		}
	}
	flush()
	if !known {
		return nil
	}
	var out []string
	for _, s := range slices.Concat(first, rest) {
		if !slices.Contains(out, s) && len(out) < maxLicenses {
			out = append(out, s)
		}
	}
	return out
}
