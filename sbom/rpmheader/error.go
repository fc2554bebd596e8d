package rpmheader

import "fmt"

// Error is a header, or a database of headers, that is malformed or over a
// limit.
type Error struct {
	// Where is the position: "page 17", "header 12". It is empty for an error of
	// the whole.
	Where string
	Msg   string
	// Limit is true when the data may be valid but is over a limit.
	Limit bool
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.Msg
	}
	return e.Where + ": " + e.Msg
}

func damaged(where, format string, args ...any) error {
	return &Error{Where: where, Msg: fmt.Sprintf(format, args...)}
}
