package sbom

import (
	"strings"
	"testing"
)

func TestStatement(t *testing.T) {
	for in, want := range map[string]string{
		"  GPL-2.0+\t AND  MIT ": "GPL-2.0+ AND MIT",
		"UNKNOWN":                "",
		"(none)":                 "",
		"Permission is hereby granted, free of charge,\nto any person": "",
		strings.Repeat("x", maxStatement+1):                            "",
	} {
		if got := Statement(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if Statements("None") != nil || len(Statements("MIT")) != 1 {
		t.Error("a list of no statement is not nil, or that of one has not one")
	}
}

func TestSupplierParty(t *testing.T) {
	for in, want := range map[string]Party{
		"Matthias Klose <doko@debian.org>":                     {"Matthias Klose", "doko@debian.org", true},
		"Debian GCC Maintainers <debian-gcc@lists.debian.org>": {"Debian GCC Maintainers", "debian-gcc@lists.debian.org", false},
		"apt <apt@packages.debian.org>":                        {"apt", "apt@packages.debian.org", false},
		"Fedora Project":                                       {"Fedora Project", "", false},
		"jane@example.org":                                     {"jane@example.org", "jane@example.org", true},
		`"Doe, Jane" <jane@example.org>, Joe <joe@x.org>`:      {"Doe, Jane", "jane@example.org", true},
		"<a@b.org>": {"a@b.org", "a@b.org", true},
		"Jane <jane@example.org> (https://example.org)": {"Jane", "jane@example.org", true},
		"half <broken": {"half <broken", "", false},
	} {
		if got := SupplierParty(in); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}
