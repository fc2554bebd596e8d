package scan

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// servicePlaces are the settings of services and of libraries with modules. Most of
// their lines decide how a service behaves, and an installation writes some of
// them anew each time; those count that name a program or a module.
func servicePlaces() []place {
	const kind = sbom.NoticeStartup
	return []place{
		{kind: kind, at: "/etc/nginx/*.conf /etc/nginx/*/* /usr/local/nginx/conf/* /etc/apache2/* /etc/apache2/*/* /etc/httpd/*/* /usr/local/apache2/conf/* /usr/local/apache2/conf/*/* /etc/lighttpd/* /etc/lighttpd/*/* /etc/haproxy/* /etc/caddy/* /etc/squid/* /etc/squid/conf.d/* /etc/uwsgi/*/* /etc/uwsgi.ini /etc/traefik/* /etc/varnish/*",
			words: "a web server loads the modules or runs the programs in it", source: "https://nginx.org/en/docs/ngx_core_module.html#load_module, https://httpd.apache.org/docs/2.4/mod/mod_so.html", read: readModules, enables: true},
		{kind: kind, at: "/etc/my.cnf /etc/my.cnf.d/* /etc/mysql/*.cnf /etc/mysql/*/* /etc/postgresql/*/*/* /etc/postgresql-common/* /var/lib/postgresql/*/*/*.conf /var/lib/postgresql/data/*.conf /var/lib/pgsql/*/data/*.conf /var/lib/pgsql/data/*.conf /etc/redis/* /etc/redis.conf /etc/mongod.conf /etc/rabbitmq/* /etc/elasticsearch/* /etc/cassandra/* /etc/clickhouse-server/* /etc/clickhouse-server/*.d/*",
			words: "a database loads the modules or runs the programs in it", source: "https://dev.mysql.com/doc/refman/8.0/en/server-options.html, https://www.postgresql.org/docs/current/runtime-config-client.html", read: readModules, enables: true},
		{kind: kind, at: "/etc/snmp/* /etc/snmp/snmpd.conf.d/* /etc/nagios/* /etc/nagios/*/* /etc/icinga2/* /etc/icinga2/*/* /etc/zabbix/* /etc/zabbix/*/* /etc/collectd/* /etc/collectd.conf /etc/collectd.d/* /etc/telegraf/* /etc/telegraf/telegraf.d/* /etc/munin/* /etc/munin/*/* /etc/prometheus/* /etc/datadog-agent/* /etc/netdata/* /etc/logstash/*/* /etc/filebeat/* /etc/fluent-bit/* /etc/td-agent/* /etc/vector/* /etc/syslog-ng/* /etc/syslog-ng/conf.d/* /etc/syslog.conf /etc/smartd.conf /etc/mdadm/mdadm.conf /etc/mdadm.conf /etc/nut/* /etc/apcupsd/* /etc/fail2ban/* /etc/fail2ban/*/* /etc/audit/* /etc/audit/*/* /etc/audisp/*/* /etc/watchdog.conf",
			words: "a monitor runs the programs in it", source: "snmpd.conf(5), smartd.conf(5)", read: readModules, enables: true},
		{kind: kind, at: "/etc/openvpn/* /etc/openvpn/*/* /etc/ipsec.conf /etc/ipsec.d/* /etc/strongswan.conf /etc/strongswan.d/* /etc/strongswan.d/*/* /etc/swanctl/*.conf /etc/swanctl/conf.d/* /etc/wireguard/*.conf /etc/ppp/options /etc/ppp/peers/* /etc/xl2tpd/* /etc/tinc/*/tinc-up /etc/vpnc/* /etc/hostapd/* /etc/wpa_supplicant/*.conf /etc/keepalived/* /etc/frr/* /etc/bind/* /etc/named.conf /etc/dhcp/*.conf /etc/dhcpcd.conf /etc/kea/* /etc/iscsi/* /etc/auto.master /etc/auto.* /etc/autofs.conf /etc/chrony/* /etc/ntp.conf /etc/ufw/*.rules /etc/ufw/*.init /etc/nftables.conf",
			words: "a service of the network runs the programs in it", source: "openvpn(8), ipsec.conf(5), dnsmasq(8)", read: readModules, enables: true},
		{kind: kind, at: "/etc/postfix/main.cf /etc/postfix/dynamicmaps.cf /etc/postfix/dynamicmaps.cf.d/* /etc/exim4/* /etc/exim4/conf.d/*/* /etc/exim.conf /etc/exim/* /etc/mail/sendmail.cf /etc/dovecot/*.conf /etc/dovecot/conf.d/* /etc/samba/smb.conf /etc/exports /etc/rsyncd.conf /etc/proftpd/* /etc/proftpd/*/* /etc/vsftpd.conf /etc/vsftpd/* /etc/cups/*.conf /etc/freeradius/*/* /etc/raddb/* /etc/openldap/slapd.conf /etc/ldap/*.conf /etc/sssd/* /etc/sssd/conf.d/* /etc/krb5.conf /etc/krb5.conf.d/* /etc/krb5kdc/*.conf /etc/spamassassin/* /etc/clamav/*",
			words: "a service runs the programs or loads the modules in it", source: "postconf(5), smb.conf(5), krb5.conf(5)", read: readModules, enables: true},
		{kind: kind, at: "/etc/odbcinst.ini ~/.odbcinst.ini /etc/asound.conf ~/.asoundrc /etc/alsa/conf.d/* /etc/pulse/* /etc/pulse/*/* ~/.config/pulse/* /etc/X11/xorg.conf /etc/X11/xorg.conf.d/* /usr/share/X11/xorg.conf.d/* /etc/pkcs11/*.conf /etc/pkcs11/modules/* /usr/share/p11-kit/modules/* ~/.config/pkcs11/modules/* /etc/vulkan/*/* /usr/share/vulkan/*/* /etc/glvnd/*/* /usr/share/glvnd/*/* /etc/ImageMagick-*/* /etc/imagemagick/* ~/.config/ImageMagick/* ~/.magick/* /etc/sane.d/* /etc/sane.d/dll.d/* /etc/libaudit.conf /etc/manpath.config /etc/man_db.conf /etc/man.conf /etc/man.config ~/.manpath /etc/lightdm/* /etc/lightdm/*/* /etc/gdm3/* /etc/sddm.conf /etc/sddm.conf.d/* /etc/lxc/* /usr/share/lxc/config/* /var/lib/lxc/*/config /etc/lvm/*.conf /etc/multipath.conf /etc/crypttab /etc/needrestart/*.conf /etc/apport/* /etc/abrt/* /etc/sgml/* /etc/texmf/*/* /etc/mke2fs.conf /etc/adduser.conf /etc/deluser.conf /etc/apt-listchanges.conf /etc/apt-listchanges/* /etc/papersize /etc/mailcap",
			words: "programs run or load what it names", source: "odbcinst.ini(5), pkcs11.conf(5), man(1), crypttab(5)", read: readModules, enables: true},
		{kind: kind, at: "/etc/OpenCL/vendors/* /etc/gss/mech /etc/gss/mech.d/* /etc/libvirt/hooks/* /etc/libvirt/hooks/*/* /etc/qemu-ifup /etc/qemu-ifdown /etc/qemu/* /etc/kubernetes/manifests/* /etc/cni/net.d/* /etc/ansible/facts.d/* /etc/cloud/*.cfg /etc/cloud/cloud.cfg.d/* /var/lib/cloud/scripts/*/* /var/lib/cloud/seed/*/* /var/lib/jenkins/init.groovy.d/* /var/jenkins_home/init.groovy.d/* /usr/share/jenkins/ref/init.groovy.d/* **/bin/setenv.sh /etc/tomcat*/* /etc/salt/* /etc/salt/*.d/* /etc/puppet/*.conf /etc/puppetlabs/*/*.conf /etc/facter/facts.d/* /etc/chef/*.rb /docker-entrypoint.d/* /docker-entrypoint-initdb.d/* /etc/ppp/*-up /etc/ppp/*-down /etc/xrdp/*.sh /etc/kea/*.sh /etc/zfs/zed.d/* /etc/bluetooth/*.conf /etc/gai.conf.d/*",
			words: "a service runs or loads it when it starts or at an event", source: "https://cloudinit.readthedocs.io/, https://libvirt.org/hooks.html, clinfo(1)", enables: true},
		{kind: kind, at: "/etc/fstab /etc/fstab.d/*", words: "places other files over those of the system when it starts", source: "fstab(5)", read: readMounts},
		{kind: kind, at: "/etc/inputrc ~/.inputrc", words: "shells type the commands in it when a key is pressed", source: "readline(3)", templates: "/etc/inputrc=/usr/share/readline/inputrc"},
		{kind: sbom.NoticeRedirect, at: "~/.ssh/known_hosts ~/.ssh/known_hosts2 /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2", words: "ssh and git believe the hosts with these keys", source: "sshd(8)", read: readKnownHosts},
		{kind: sbom.NoticeRedirect, at: "~/.gnupg/pubring.kbx ~/.gnupg/pubring.gpg ~/.gnupg/trustedkeys.gpg ~/.gnupg/trustedkeys.kbx ~/.minisign/* ~/.config/sigstore/* ~/.sigstore/*", words: "signatures by the keys in it are believed", source: "gpg(1)", read: readKeyring},
	}
}

// readModules takes the lines of the settings of a service that name a program, a
// module or another file of settings. What words services use for it has no rule,
// so that it is by the words that are in use.
func readModules(s *scanner, n rootfs.Node, data []byte) []statement {
	const words = `command|cmd|script|exec|load|module|plugin|librar|hook|program|updown|preload|driver|helper|binary|shell|perl|python|lua|cgi|extend|dlmod|include|init[-_]?file|delegate|action|notify|fastcgi|pager|_prog|\bprog|\bpipe|\|\s*/|\blib\b|\.so\b|\.dll\b`
	return containing("#;", `(?i)(`+words+`)|^[\s"'-]*(up|down|route-up|route-pre-down|ipchange|pass|pass_persist|sh|run|define|path|post-?up|pre-?up|post-?down|pre-?down|tls-verify|auth-user-pass-verify)\b`)(s, n, data)
}

// readMounts reads fstab. The disks of a machine are its own; directories and images
// that are mounted over others hide what a scan sees.
func readMounts(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#", `(?i)\b(r?bind|overlay|overlayfs|aufs|unionfs|fuse\S*|sshfs|nfs4?|cifs|9p|loop|squashfs|lowerdir|helper)\b`)(s, n, data)
}

// readKeyring takes the keys of a file. A keybox of GnuPG has times in the records
// around them (kbx/keybox-blob.c): each starts with its length, a type, which is 2
// for a key of OpenPGP, two bytes later flags, and the offset and length of the key.
func readKeyring(_ *scanner, _ rootfs.Node, data []byte) []statement {
	if len(data) < 32 || string(data[8:12]) != "KBXf" {
		if len(data) == 0 {
			return nil
		}
		return []statement{{text: digestOf(string(data))}}
	}
	var out []statement
	for len(data) >= 32 {
		size := uint64(binary.BigEndian.Uint32(data))
		if size < 32 || size > uint64(len(data)) {
			return append(out, statement{text: digestOf(string(data))})
		}
		blob := data[:size]
		data = data[size:]
		if blob[4] < 2 {
			continue // free, or the header
		}
		at, length := uint64(binary.BigEndian.Uint32(blob[8:])), uint64(binary.BigEndian.Uint32(blob[12:]))
		if at+length > size {
			at, length = 0, size
		}
		out = append(out, statement{text: digestOf(string(blob[at : at+length]))})
	}
	return out
}

// readKnownHosts takes the keys in their order by name. ssh writes names of hosts
// as digests with a random part.
func readKnownHosts(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		fields := strings.Fields(line)
		if len(fields) > 1 && strings.HasPrefix(fields[0], "|") {
			fields = fields[1:]
		}
		out = append(out, statement{text: strings.Join(fields, " ")})
	})
	slices.SortFunc(out, func(a, b statement) int { return strings.Compare(a.text, b.text) })
	return out
}
