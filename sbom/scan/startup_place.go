package scan

import "strings"

// StartupPlace reports whether a file at a path runs code, or decides which code
// runs, when something starts: the system, a shell, a package manager, an
// interpreter.
func StartupPlace(p string) bool {
	for _, dir := range [...]string{"/etc/profile.d/", "/etc/cron.d/", "/etc/cron.hourly/", "/etc/cron.daily/", "/etc/cron.weekly/", "/etc/cron.monthly/",
		"/var/spool/cron/", "/etc/pam.d/", "/etc/systemd/", "/etc/init.d/", "/etc/apt/apt.conf.d/", "/etc/dpkg/dpkg.cfg.d/", "/etc/ld.so.conf.d/", "/etc/sudoers.d/", "/usr/lib/systemd/", "/usr/lib/binfmt.d/", "/etc/binfmt.d/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	switch p {
	case "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/environment", "/etc/profile", "/etc/bash.bashrc", "/etc/crontab", "/etc/rc.local", "/etc/sudoers", "/etc/apt/apt.conf":
		return true
	}
	return false
}
