//go:build !unix

package timetest

import "time"

// spent is the time of the clock, where processor time needs other calls.
func spent() time.Duration { return time.Duration(time.Now().UnixNano()) }
