package ledger

import (
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Rule explains files that are in no artifact.
type Rule struct {
	// Name is the name in the ledger.
	Name string
	// Files are the files that it is about, and Checked is what is checked of them.
	Files, Checked string
	// Source is the document that describes them.
	Source string

	explain func(*engine, rootfs.Node) bool
}

// Numbers of rules that are not found by a look at the file: what is known of its
// component explains it.
const (
	rulePackage = iota + 1
	ruleCommand
	ruleMerged
	ruleApt
)

// ruleDocumentation is the name of the rule for missing files.
const ruleDocumentation = "documentation"

// Rules returns the table of rules. The first that explains a file counts.
func Rules() []Rule {
	return []Rule{
		rulePackage - 1: {Name: "package-owned", Files: "files that a package owns and whose content it does not state (%ghost and %verify of rpm)", Checked: "nothing",
			Source: "https://rpm-software-management.github.io/rpm/manual/spec.html"},
		ruleCommand - 1: {Name: "console-script", Files: "commands that Python's installers make for entry points", Checked: "the whole file: it is the template of an installer with an entry point of the wheel",
			Source: "https://packaging.python.org/en/latest/specifications/entry-points/"},
		ruleMerged - 1: {Name: "merged-usr", Files: "/bin, /sbin and /lib* as links into /usr, where packages have directories", Checked: "the target",
			Source: "https://wiki.debian.org/UsrMerge", explain: (*engine).mergedUsr},
		ruleApt - 1: {Name: "apt-partial", Files: "directories that apt gives to its own user when it downloads", Checked: "that they are two of apt's",
			Source: "https://manpages.debian.org/apt.conf.5 (APT::Sandbox::User)"},
	}
}

// ruleState has what several calls of rules need.
type ruleState struct{}

// explain applies the rules to all files that nothing accounts for.
func (e *engine) explain(ctx context.Context) error {
	for n := range e.nodes {
		f := &e.nodes[n]
		if f.status != unexplained && f.status != unchecked || f.detail != 0 {
			continue
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range e.rules {
			if r := &e.rules[i]; r.explain != nil && r.explain(e, rootfs.Node(n)) {
				if f.detail == 0 {
					f.status, f.rule = derived, uint8(i)+1
				}
				break
			}
		}
	}
	return ctx.Err()
}

func (e *engine) mergedUsr(n rootfs.Node) bool {
	name := e.tree.Name(n)
	return e.tree.Parent(n) == 0 && (name == "bin" || name == "sbin" || strings.HasPrefix(name, "lib")) && strings.TrimPrefix(e.tree.Target(n), "/") == "usr/"+name
}

// aptPartial reports whether apt changes owner and mode of a directory.
func aptPartial(p string) bool {
	return p == "/var/lib/apt/lists/partial" || p == "/var/cache/apt/archives/partial"
}
