package ospkg

import (
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// accounts are the numbers of the users and groups of an environment.
type accounts struct{ users, groups map[string]int }

// accounts reads /etc/passwd and /etc/group. A name that is not in them has no
// number, so that the owner of its files is not compared.
func (s *system) accounts() accounts {
	return accounts{s.numbers("/etc/passwd"), s.numbers("/etc/group")}
}

func (s *system) numbers(path string) map[string]int {
	out := map[string]int{}
	n := s.tree.Resolve(path)
	if n == rootfs.None {
		return out
	}
	const most = 16 << 20
	text, err := s.tree.ReadFile(n, most)
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(line, ":")
		if len(f) < 3 {
			continue
		}
		// The first of several counts, as for getpwnam(3).
		if _, twice := out[f[0]]; twice || f[0] == "" {
			continue
		}
		if id, err := strconv.ParseUint(f[2], 10, 31); err == nil {
			out[f[0]] = int(id)
		}
	}
	return out
}

func (a accounts) user(name string) int  { return number(a.users, name) }
func (a accounts) group(name string) int { return number(a.groups, name) }

// number returns the number of a name, or -1. That of root is 0 whatever the
// environment's files say.
func number(ids map[string]int, name string) int {
	if name == "root" {
		return 0
	}
	if id, known := ids[name]; known {
		return id
	}
	if id, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(id)
	}
	return -1
}
