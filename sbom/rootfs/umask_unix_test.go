//go:build unix

package rootfs

import "syscall"

// Tests write files with the modes that they want to read, whatever the umask of who
// runs them is.
func init() { syscall.Umask(0o022) }
