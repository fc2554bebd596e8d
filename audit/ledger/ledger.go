// Package ledger compares every file of a scanned environment with what vouches
// for it: the manifest of an artifact that a lock or a signed package index
// names by digest, or else the environment's own records.
//
// # One pass over the files
//
// What is expected of each file is known before the first one is opened: from
// the manifests (manifests.go), the package database and the RECORDs of Python
// (records.go). Then all files are read once, in parallel, with the digests that
// their expectations need, and each is compared at once. What no expectation
// covers is explained by a rule (rules.go) or stays unexplained. A file costs some
// hundred bytes: manifests are not kept, only what they state about the files
// that are there.
//
// # What the outcomes are worth
//
// "proved" depends on nothing in the environment but the bytes of the file itself:
// the digest is in an artifact of which the digest is in a lock or in a signed
// index. "consistent" depends on records that an attacker who changes a file can
// change with it. "derived" is weaker in another way: a rule gives the reason for
// such a file, and checks what can be checked; see [Rules].
package ledger

import (
	"context"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/scan"
)

// Request is what to verify an environment with. It can be sent to another
// process as JSON. Paths are of the auditor's machine.
type Request struct {
	// Indexes are files and directories with package indexes, and bundles. Those
	// of the environment are always read.
	Indexes []string `json:"indexes,omitempty"`
	// Trust are files with public keys, and fingerprints of keys that the set of
	// built-in keys is restricted to; empty for the built-in keys.
	Trust []string `json:"trust,omitempty"`
	// Artifacts are directories with artifacts.
	Artifacts []string `json:"artifacts,omitempty"`
	// Locks are the stage's lock files.
	Locks []string `json:"locks,omitempty"`
	// For has the directories that the lock of the same index is for
	// (lockcheck.Lock.For). It can be shorter.
	For [][]string `json:"for,omitempty"`
	// Cache is the directory for manifests, empty for none.
	Cache string `json:"cache,omitempty"`
	// Own is set to search the caches of package managers on the auditor's machine.
	Own bool `json:"own,omitempty"`
	// Sealed is set when every line of the ledger is needed, also those of derived
	// files.
	Sealed bool `json:"sealed,omitempty"`
}

// Make compares the files of an environment. The error is about the request or
// the context; what could not be verified is a gap of the proof.
func Make(ctx context.Context, files *scan.Files, r Request) (*audit.Proof, error) {
	e := newEngine(files, r)
	for _, step := range []func(context.Context) error{e.readRecords, e.readPython, e.readManifests, e.readHeaders, e.examine, e.explain} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return e.proof(), ctx.Err()
}
