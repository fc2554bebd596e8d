package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/depaudit/depaudit/audit/ledger"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/lockcheck/index"
	"github.com/depaudit/depaudit/lockcheck/trust"
)

// CheckVerify checks what an environment is to be verified with before the first
// scan, and returns the request with absolute paths. Relative ones are relative to
// the working directory. Its error is an [*InputError].
func CheckVerify(ctx context.Context, r ledger.Request) (*ledger.Request, error) {
	if _, err := trust.Open(r.Trust); err != nil {
		return nil, &InputError{Err: err}
	}
	for _, name := range r.Indexes {
		_, closer, err := index.OpenSource(name)
		if err != nil {
			return nil, &InputError{Err: err}
		}
		closer.Close()
	}
	for _, dir := range r.Artifacts {
		switch _, err := os.Stat(dir); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &InputError{Err: fmt.Errorf("artifacts: directory does not exist: %s", dir), Hint: "depaudit fetch makes it"}
		case err != nil:
			return nil, &InputError{Err: fmt.Errorf("artifacts: %w", err)}
		}
	}
	for _, path := range r.Locks {
		if _, err := lockcheck.Open(ctx, path); err != nil {
			return nil, &InputError{Err: err}
		}
	}
	for _, list := range []*[]string{&r.Indexes, &r.Artifacts, &r.Locks, &r.Trust} {
		*list = slices.Clone(*list)
		for i, name := range *list {
			if _, err := os.Stat(name); err != nil && list == &r.Trust {
				continue // a fingerprint
			}
			abs, err := filepath.Abs(name)
			if err != nil {
				return nil, &InputError{Err: err}
			}
			(*list)[i] = abs
		}
	}
	return &r, nil
}
