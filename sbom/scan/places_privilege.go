package scan

import "github.com/depaudit/depaudit/sbom"

// privilegePlaces are the files that give rights.
func privilegePlaces() []place {
	const kind = sbom.NoticePrivilege
	return []place{
		{kind: kind, at: "/etc/sudoers /etc/sudoers.d/* /usr/local/etc/sudoers /usr/local/etc/sudoers.d/* /etc/sudo.conf /etc/sudo-ldap.conf", words: "sudo gives the rights of other users by it", source: "sudoers(5)", read: readCommentedSudo},
		{kind: kind, at: "/etc/doas.conf /etc/doas.d/* /usr/local/etc/doas.conf", words: "doas gives the rights of other users by it", source: "doas.conf(5)", read: readCommented},
		{kind: kind, at: "/etc/passwd", words: "gives rights to users", source: "passwd(5)", read: readPasswd},
		{kind: kind, at: "/etc/shadow", words: "a user has no password, or one to log in with", source: "shadow(5)", read: readShadow},
		{kind: kind, at: "/etc/group", words: "gives the rights of a group to users", source: "group(5)", read: readGroup},
		{kind: kind, at: "/etc/subuid /etc/subgid", words: "gives users other user IDs", source: "subuid(5)", read: readSubIDs},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/sysusers.d/*", words: "systemd-sysusers makes the users and groups in it", source: "sysusers.d(5)", read: readCommented},
		{kind: kind, at: "{/etc,/usr/share,/usr/local/share}/polkit-1/rules.d/* {/etc,/var/lib}/polkit-1/localauthority/*/* {/etc,/var/lib}/polkit-1/localauthority.conf.d/* {/usr/share,/usr/local/share,/etc}/polkit-1/actions/*", words: "polkit gives rights by it", source: "polkit(8)"},
		{kind: kind, at: "/etc/dbus-1/system.d/* /usr/share/dbus-1/system.d/* /etc/dbus-1/system.conf /etc/dbus-1/system-local.conf", words: "D-Bus lets users call services by it", source: "dbus-daemon(1)"},
		{kind: kind, at: "~/.ssh/authorized_keys ~/.ssh/authorized_keys2 /etc/ssh/authorized_keys /etc/ssh/authorized_keys/* /etc/ssh/authorized_keys.d/* /etc/ssh/*.principals /etc/ssh/*ca*.pub", words: "these keys may log in, or run the commands in it", source: "sshd(8)", read: readCommented},
		{kind: kind, at: "~/.shosts ~/.rhosts /etc/hosts.equiv /etc/ssh/shosts.equiv", words: "these hosts may log in without a password", source: "hosts.equiv(5)", read: readCommented},
		{kind: kind, at: "/etc/security/access.conf /etc/security/capability.conf /etc/security/group.conf /etc/security/sudoers /etc/security/namespace.init /etc/security/namespace.conf", words: "PAM gives rights by it", source: "pam_group(8), capability.conf(5)", read: readCommented},
		{kind: kind, at: "/etc/krb5.keytab ~/.k5login ~/.k5users", words: "Kerberos users may log in by it", source: "k5login(5)"},
		{kind: kind, at: "/etc/userdb/* /usr/lib/userdb/* /usr/local/lib/userdb/*", words: "defines users", source: "nss-systemd(8)"},
		{kind: kind, at: "/etc/apparmor.d/local/* /etc/apparmor.d/disable/* /etc/selinux/config", words: "loosens the confinement of programs", source: "apparmor.d(5)", read: readCommented},
	}
}
