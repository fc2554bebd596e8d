package lockcheck

import (
	"context"
	"fmt"
	"path/filepath"
)

// Open parses one lock file and all files that it includes (-r and -c of
// requirements.txt; go.mod beside go.sum). The format is that of the file's
// name, or else one that its content identifies without doubt.
//
// An error names the file. A violation of the syntax or of a limit is a
// [*SyntaxError]. There is no partial result.
func Open(ctx context.Context, path string) (*Lock, error) { return OpenFrom(ctx, path, nil) }

// OpenFrom is [Open] of files that are elsewhere: place returns the path of the
// content of each, also of those that the lock includes. Errors and entries name
// them as if they were not.
func OpenFrom(ctx context.Context, path string, place func(path string) (string, error)) (*Lock, error) {
	if filepath.Base(path) == ".package-lock.json" {
		return nil, fmt.Errorf("%s: is npm's record of what is installed, not a lock; give package-lock.json or npm-shrinkwrap.json", path)
	}
	if filepath.Base(path) == bunBinary {
		return nil, fmt.Errorf("%s: is Bun's binary lock, which only Bun can read; run `bun install --save-text-lockfile --frozen-lockfile --lockfile-only` and give the bun.lock that it writes", path)
	}
	if err := unreadName(path); err != nil {
		return nil, err // also of a binary file, such as bun.lockb
	}
	l := &Lock{Path: path, place: place}
	src, err := l.readFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := src.conflict(); err != nil {
		return nil, err
	}
	f, err := findFormat(src)
	if err != nil {
		return nil, err
	}
	l.Format, l.Definition = f.Name, f.definition
	if err := f.parse(l, ctx, src); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.finish()
	l.Digest = l.digest()
	return l, nil
}
