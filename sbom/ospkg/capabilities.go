package ospkg

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// capabilityNames are Linux's capabilities by number
// (https://man7.org/linux/man-pages/man7/capabilities.7.html and
// include/uapi/linux/capability.h), without "cap_".
const capabilityNames = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service " +
	"net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice " +
	"sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm " +
	"block_suspend audit_read perfmon bpf checkpoint_restore"

// capabilitySet are sets of capabilities, one bit each.
type capabilitySet struct{ effective, inheritable, permitted uint64 }

// MoreCapabilities reports whether a file has a capability that is not in the text
// that its package states (cap_from_text(3)). xattr is the attribute
// security.capability. A file with fewer was unpacked without attributes, which
// gives nothing away.
func MoreCapabilities(stated string, xattr []byte) bool {
	if len(xattr) == 0 {
		return false
	}
	want, ok := parseCapabilities(stated)
	have, known := fileCapabilities(xattr)
	return !ok || !known || have.effective&^want.effective != 0 || have.inheritable&^want.inheritable != 0 || have.permitted&^want.permitted != 0
}

// fileCapabilities decodes struct vfs_cap_data of linux/capability.h.
func fileCapabilities(b []byte) (s capabilitySet, ok bool) {
	if len(b) < 4 {
		return s, false
	}
	head := binary.LittleEndian.Uint32(b)
	words := 0
	switch {
	case head>>24 == 1 && len(b) == 12:
		words = 1
	case head>>24 == 2 && len(b) == 20, head>>24 == 3 && len(b) == 24:
		words = 2
	default:
		return s, false
	}
	for i := range words {
		s.permitted |= uint64(binary.LittleEndian.Uint32(b[4+8*i:])) << (32 * i)
		s.inheritable |= uint64(binary.LittleEndian.Uint32(b[8+8*i:])) << (32 * i)
	}
	const effective = 1
	if head&effective != 0 {
		s.effective = s.permitted | s.inheritable
	}
	return s, true
}

// parseCapabilities parses clauses such as "cap_net_raw,cap_net_admin=ep" and
// "= cap_chown+p". It returns false for a text that it does not know.
func parseCapabilities(text string) (s capabilitySet, ok bool) {
	for clause := range strings.FieldsSeq(strings.ToLower(text)) {
		i := strings.IndexAny(clause, "=+-")
		if i < 0 {
			return s, false
		}
		bits, ok := capabilityBits(clause[:i])
		if !ok {
			return s, false
		}
		for rest := clause[i:]; rest != ""; {
			op := rest[0]
			end := strings.IndexAny(rest[1:], "=+-") + 1
			if end == 0 {
				end = len(rest)
			}
			flags := rest[1:end]
			rest = rest[end:]
			if strings.Trim(flags, "eip") != "" {
				return s, false
			}
			for flag, set := range map[string]*uint64{"e": &s.effective, "i": &s.inheritable, "p": &s.permitted} {
				has := strings.Contains(flags, flag)
				switch {
				case op == '-' && has, op == '=' && !has:
					*set &^= bits
				case has:
					*set |= bits
				}
			}
		}
	}
	return s, true
}

// capabilityBits returns the capabilities of a list, all of an empty one.
func capabilityBits(list string) (bits uint64, ok bool) {
	if list == "" || list == "all" {
		return ^uint64(0), true
	}
	names := strings.Fields(capabilityNames)
	for name := range strings.SplitSeq(list, ",") {
		number := -1
		for i, n := range names {
			if name == "cap_"+n {
				number = i
			}
		}
		if n, err := strconv.ParseUint(name, 10, 6); err == nil {
			number = int(n)
		}
		if number < 0 {
			return 0, false
		}
		bits |= 1 << number
	}
	return bits, true
}
