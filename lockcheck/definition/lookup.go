package definition

import (
	"bytes"
	"context"
	"path"
	"strings"
)

// maxLookups bounds the files that are looked at for the pins of one checkout.
const maxLookups = 1000

// lookUp decides the pin of a use by the file of the checkout that it names. What is
// not in the checkout changes nothing.
func (c *checkout) lookUp(u *Use) {
	if u.look.kind == 0 || isVariable(u.look.path) {
		return
	}
	data, ok := c.looked[u.look.path]
	if !ok && len(c.looked) < maxLookups {
		data, _ = readFile(c.FS, path.Clean(u.look.path))
		c.looked[u.look.path] = data
	}
	if len(data) == 0 {
		return
	}
	switch u.look.kind {
	case lookVersion:
		if version := versionIn(path.Base(u.look.path), u.Name, data); version != "" {
			file := u.Spec
			u.version(version)
			u.Spec = version
			u.Detail += "; the file is " + quote(file)
			u.Text = u.Text + ": " + version
		}
	case lookRequirements:
		// A hash of one requirement makes pip require one of all
		// (https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode).
		if bytes.Contains(data, []byte("--hash=")) || bytes.Contains(data, []byte("--hash ")) || bytes.Contains(data, []byte("--require-hashes")) {
			u.Pin, u.Detail, u.Fix = ByLock, "", ""
		}
	case lookProject:
		r := newReader(u.look.path, "", string(data))
		root := r.json(context.Background(), data)
		for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies"} {
			if r.err == nil && root.get(key).get(u.FullName()) != nil {
				u.Pin, u.Detail, u.Fix = ByLock, "", ""
			}
		}
	}
}

// versionIn returns the version of a tool in a file that setup actions read, "" if it
// is not there: go.mod, .tool-versions, or a file of one line.
func versionIn(base, tool string, data []byte) string {
	lines := strings.Split(string(data), "\n")
	switch {
	case base == "go.mod" || base == "go.work":
		version := ""
		for _, line := range lines {
			words := strings.Fields(line)
			if len(words) > 1 && words[0] == "toolchain" {
				return strings.TrimPrefix(words[1], "go")
			}
			if len(words) > 1 && words[0] == "go" {
				version = words[1]
			}
		}
		return version
	case base == ".tool-versions":
		for _, line := range lines {
			words := strings.Fields(line)
			if len(words) > 1 && (words[0] == tool || words[0] == tool+"js" || words[0] == tool+"lang") {
				return words[1]
			}
		}
	case strings.HasPrefix(base, ".") && !strings.Contains(base, ".json") && !strings.Contains(base, ".toml"):
		for _, line := range lines {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				return strings.TrimPrefix(line, tool+"-")
			}
		}
	}
	return ""
}
