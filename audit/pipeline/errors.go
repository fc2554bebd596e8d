package pipeline

import "errors"

// InputError is a mistake in the configuration, a reference, a lock file or the
// options. Nothing was scanned and nothing was judged.
type InputError struct {
	Err error
	// Hint is what to do about it; it may be empty.
	Hint string
}

func (e *InputError) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + " (" + e.Hint + ")"
}

func (e *InputError) Unwrap() error { return e.Err }

// hintOf returns the hint of an [*InputError], "" for another error.
func hintOf(err error) string {
	var in *InputError
	if errors.As(err, &in) {
		return in.Hint
	}
	return ""
}

// RunError is a [Scanner]'s error that does not depend on the environment: a
// process could not be started, a temporary directory not be made. It ends the
// audit, where every other error is a gap of its stage.
type RunError struct{ Err error }

func (e *RunError) Error() string { return e.Err.Error() }
func (e *RunError) Unwrap() error { return e.Err }

// LostError is the error of [Scan] for an environment whose scan has no
// result.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }
