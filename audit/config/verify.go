package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Verify is whether the files of a stage are verified.
type Verify string

const (
	VerifyDefault Verify = ""       // in stages of which findings fail the audit
	VerifyOn      Verify = "true"   // also in others
	VerifyOff     Verify = "false"  // the databases of the environment are believed
	VerifySealed  Verify = "sealed" // and every file that nothing explains is in the baseline
)

// Sources is what files are verified with, as configured. Paths are relative to
// the directory of the configuration.
type Sources struct {
	// Indexes are files and directories with package indexes, and bundles.
	Indexes []string
	// Artifacts are directories with artifacts.
	Artifacts []string
	// Trust are files with public keys, and fingerprints of built-in keys.
	Trust []string
}

// Require is the weakest evidence that is enough, empty for any that is sound.
type Require struct {
	OS, Lock string
}

// Verified reports whether the stage's files are verified. An SBOM has none, so
// that there it must be explicit, and is an error.
func (s *Stage) Verified() bool {
	switch s.Verify {
	case VerifyOn, VerifySealed:
		return true
	case VerifyOff:
		return false
	}
	return s.Strict()
}

// SourcesOf returns what the files of a stage are verified with, its own and the
// pipeline's, as paths to open.
func (c *Config) SourcesOf(s *Stage) Sources {
	all := func(key string, a, b []string) []string {
		var out []string
		for _, p := range slices.Concat(a, b) {
			if key != "trust" || !isFingerprint(p) {
				p = c.path(p)
				if place, err := c.sourcePlace(key, p); err == nil {
					p = place
				}
			}
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
		return out
	}
	return Sources{
		Indexes: all("indexes", c.Sources.Indexes, s.Sources.Indexes), Artifacts: all("artifacts", c.Sources.Artifacts, s.Sources.Artifacts),
		Trust: all("trust", c.Sources.Trust, s.Sources.Trust),
	}
}

// fingerprint matches that of an OpenPGP key of version 4 or later, as gpg prints
// it, with or without spaces.
var fingerprint = lazyregexp.New(`^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$`)

func isFingerprint(s string) bool { return fingerprint.MatchString(strings.ReplaceAll(s, " ", "")) }

// sourcePlace is a path of the configuration that must exist.
type sourcePlace struct {
	key, path string
	at        position
}

func (p *configParser) sourceFields(s *Sources) []field {
	paths := func(key, what string, list *[]string) field {
		return field{key, false, func(n ast.Node) {
			p.list(n, "a list of "+key, func(n ast.Node) {
				if path, ok := p.text(n, what, false); ok {
					*list = append(*list, path)
					p.sources = append(p.sources, sourcePlace{key, path, place(n)})
				}
			})
		}}
	}
	return []field{
		paths("indexes", "the path of a package index, of a directory with indexes or of a bundle", &s.Indexes),
		paths("artifacts", "the path of a directory with artifacts", &s.Artifacts),
		paths("trust", "the path of a file with public keys, or the fingerprint of a built-in key", &s.Trust),
	}
}

// sourcePlace returns the path of the content of a source. Artifacts are checked by
// their digests, and what a key signed by the key: they are often downloaded by the
// job, so that a commit does not have them. A key is trusted because it is there.
func (c *Config) sourcePlace(key, path string) (string, error) {
	if key == "artifacts" {
		return path, nil
	}
	place, err := c.placed(path)
	if key == "indexes" && errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return place, err
}

// checkSources reports paths that do not exist: files would be verified with less
// than the configuration names.
func checkSources(c *Config, sources []sourcePlace) textfile.Errors {
	d := &decoder{file: c.File}
	for _, s := range sources {
		if s.key == "trust" && isFingerprint(s.path) {
			continue
		}
		path := c.path(s.path)
		switch place, err := c.sourcePlace(s.key, path); {
		case errors.Is(err, fs.ErrNotExist):
			d.fail(s.at, "paths are relative to the directory of this file", "%s: %s does not exist", s.key, textfile.Quote(s.path))
		case err != nil:
			d.fail(s.at, "", "%s: %v", s.key, err)
		default:
			if _, err := os.Stat(place); err != nil {
				d.fail(s.at, "paths are relative to the directory of this file", "%s: %s does not exist", s.key, textfile.Quote(s.path))
			}
		}
	}
	return d.errs
}

func (p *configParser) verify(n ast.Node) Verify {
	if s, ok := n.(*ast.StringNode); ok {
		if s.Value == string(VerifySealed) {
			return VerifySealed
		}
		if _, boolean := oldBools[strings.ToLower(s.Value)]; !boolean {
			p.fail(place(n), "write true, false or sealed", "unknown value %s of verify", textfile.Quote(s.Value))
			return VerifyDefault
		}
	}
	if p.boolean(n, "verify") {
		return VerifyOn
	}
	return VerifyOff
}

func (p *configParser) requireFields(r *Require) []field {
	level := func(from audit.Provenance, to *string) field {
		return field{string(from), false, func(n ast.Node) {
			*to, _ = p.word(n, "a level of evidence", "unknown level of evidence %s of "+string(from), audit.RequirableEvidence(from))
		}}
	}
	return []field{level(audit.FromOS, &r.OS), level(audit.FromLock, &r.Lock)}
}

func (p *configParser) require(n ast.Node) (r Require) {
	before := len(p.errs)
	if p.mapping(n, "the required evidence", p.requireFields(&r)) && len(p.errs) == before && r == (Require{}) {
		p.fail(place(n), fmt.Sprintf("add `os:` or `lock:`, such as `require: {os: %s}`", audit.EvidenceSigned), "nothing is required")
	}
	return r
}
