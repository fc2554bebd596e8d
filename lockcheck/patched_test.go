package lockcheck

import "testing"

// TestPatched checks that a patched package is not pinned, whatever else the lock
// has of the same version.
func TestPatched(t *testing.T) {
	entry := func(patch string) Entry {
		e := Entry{Type: "npm", Name: "lodash", Version: "4.17.21", File: "lock", Line: 7, Hashes: []Hash{{"sha512", hex512}},
			Source: Source{Kind: KindRegistry, URL: "https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz"}}
		if patch != "" {
			e.patch(patch)
		}
		return e
	}
	var l Lock
	l.add(entry("patches/lodash.patch"))
	l.add(entry(""))
	if len(l.Notes) != 1 || l.Notes[0].Kind != ProblemPatched {
		t.Errorf("notes: %v", l.Notes)
	}
	for _, list := range [][]Entry{l.Entries, l.Entries[:1], {l.Entries[1], l.Entries[0]}} {
		r := NewSet([]*Lock{{Path: "lock", Entries: list}}, Policy{}).Match(js("lodash", "4.17.21", "/app/node_modules/lodash", Hash{"sha512", hex512}))
		if r.Pinned || r.Reason != Patched || r.Detail != `the patch "patches/lodash.patch" is applied to "lodash" after it is unpacked: what is installed is not the locked artifact (lock:7)` {
			t.Errorf("%+v", r)
		}
	}
	if r := NewSet([]*Lock{&l}, Policy{}).Match(js("lodash", "4.17.20", "/app/node_modules/lodash")); r.Reason != OtherVersion {
		t.Errorf("another version: %+v", r)
	}
}
