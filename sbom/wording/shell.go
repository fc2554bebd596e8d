package wording

import "strings"

// Sudo is the beginning of a command to paste that runs this program as root. The
// search path of sudo (secure_path in sudoers(5)) has not the directory where a job
// installed the program, which the shell finds before.
const Sudo = `sudo "$(command -v depaudit)"`

// ShellWord returns s as one word of a POSIX shell.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/:@%+=,", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
