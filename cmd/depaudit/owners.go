package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// Which component a path belongs to is known while an environment is scanned,
// and not kept: a Debian root has 100,000 paths, and a question is about a
// few. So it is asked of the process that scans, with the scan.

// pathSeparator parts the paths of environment.paths; no path has it.
const pathSeparator = "\x00"

// pathOwner says which component a path of an environment belongs to.
type pathOwner = scan.Owner

// splitPaths takes environment.paths apart.
func splitPaths(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, pathSeparator)
}

// scanOwners is a scan that resolves paths as well.
func scanOwners(ctx context.Context, ref rootfs.Ref, opts scan.Options, paths []string) (*sbom.Document, []pathOwner, error) {
	if len(paths) == 0 {
		doc, err := scan.Run(ctx, ref, opts)
		return doc, nil, err
	}
	return scan.Owners(ctx, ref, opts, paths)
}

// readOwners reads what the scanning process wrote, nothing if it wrote
// nothing.
func readOwners(payload []byte, doc *sbom.Document) ([]pathOwner, error) {
	if payload == nil {
		return nil, nil
	}
	var owners []pathOwner
	if err := json.Unmarshal(payload, &owners); err != nil {
		return nil, err
	}
	for _, o := range owners {
		if o.ID != "" && doc.Component(o.ID) == nil {
			return nil, fmt.Errorf("%q belongs to %q, which is not there", o.Path, o.ID)
		}
	}
	return owners, nil
}
