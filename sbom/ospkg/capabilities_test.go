package ospkg

import (
	"encoding/hex"
	"testing"
)

func TestMoreCapabilities(t *testing.T) {
	// Written by setcap of Debian 12: cap_net_raw+ep, cap_net_raw+p, cap_setuid+ep.
	const rawEP, rawP, setuidEP = "0100000200200000000000000000000000000000", "0000000200200000000000000000000000000000", "0100000280000000000000000000000000000000"
	for _, x := range []struct {
		stated, xattr string
		want          bool
	}{
		{"", "", false},
		{"", rawEP, true},
		{"cap_net_raw=ep", rawEP, false},
		{"= cap_net_raw+ep", rawEP, false},
		{"cap_net_raw=p", rawEP, true},
		{"cap_net_raw=p", rawP, false},
		{"cap_net_raw=ep", rawP, false},
		{"cap_net_raw,cap_net_admin=ep", rawEP, false},
		{"cap_net_raw=ep", setuidEP, true},
		{"=ep", setuidEP, false},
		{"=ep cap_setuid-e", setuidEP, true},
		{"cap_unknown=ep", rawEP, true},
		{"cap_net_raw", rawEP, true},
		{"cap_net_raw=ep", "00", true},
		{"cap_net_raw=ep", "", false},
	} {
		xattr, err := hex.DecodeString(x.xattr)
		if err != nil {
			t.Fatal(err)
		}
		if got := MoreCapabilities(x.stated, xattr); got != x.want {
			t.Errorf("MoreCapabilities(%q, %s) is %v", x.stated, x.xattr, got)
		}
	}
}
