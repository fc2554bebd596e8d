package version

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// keyTypes are those whose versions have keys.
var keyTypes = []string{"deb", "opkg", "rpm", "apk", "alpm", "pypi", "npm", "cargo", "golang", "gem"}

// circular reports whether vercmp may compare these two as no order does: with several
// separators in a row, or one at the end, or with a release of one alone (see [alpm]).
func circular(a, b string) bool {
	forms := map[bool]bool{}
	for _, v := range []string{a, b} {
		_, parts, release, has := splitAlpm(v)
		for _, s := range []string{parts, release} {
			if s != "" && notAlphanumeric(rune(s[len(s)-1])) {
				return true
			}
			for i := 1; i < len(s); i++ {
				if notAlphanumeric(rune(s[i-1])) && notAlphanumeric(rune(s[i])) {
					return true
				}
			}
		}
		forms[has] = true
	}
	return len(forms) > 1
}

// key is a version that [Key] has read.
type key struct {
	version, text string
	epoch         int64
}

func keyOf(typ, v string) key {
	k := key{version: v}
	k.epoch, k.text = Key(typ, v)
	return k
}

func (k key) compare(l key) int {
	return cmp.Or(cmp.Compare(k.epoch, l.epoch), strings.Compare(k.text, l.text))
}

// checkKeys compares the order of two keys with that of their versions.
func checkKeys(t *testing.T, typ, a, b string) {
	t.Helper()
	checkOrder(t, typ, keyOf(typ, a), keyOf(typ, b))
}

func checkOrder(t *testing.T, typ string, a, b key) {
	t.Helper()
	for _, k := range []string{a.text, b.text} {
		if strings.Trim(k, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-./+,{|}") != "" {
			t.Errorf("%s: key %q of %q or %q", typ, k, a.version, b.version)
		}
	}
	want, err := Compare(typ, a.version, b.version)
	if typ == "alpm" && err == nil && !circular(a.version, b.version) {
		want = Alpm(a.version, b.version)
	}
	switch {
	case (err != nil) != (a.text == "" || b.text == ""):
		t.Errorf("%s: %q has the key %q, %q has %q, and their order is an error: %v", typ, a.version, a.text, b.version, b.text, err)
	case err == nil && sign(want) != a.compare(b):
		t.Errorf("%s: %q against %q is %d, and their keys %q and %q are %d", typ, a.version, b.version, sign(want), a.text, b.text, a.compare(b))
	}
}

// checkRange checks that a version is in its range, and that all others of it have the
// same key or are revisions of it.
func checkRange(t *testing.T, typ, a, b string) {
	t.Helper()
	x, y := keyOf(typ, a), keyOf(typ, b)
	epoch, from, before := KeyRange(typ, a)
	in := func(k key) bool { return k.text != "" && k.epoch == epoch && k.text >= from && k.text < before }
	if x.text == "" {
		if from+before != "" {
			t.Errorf("%s: %q has a range and no key", typ, a)
		}
		return
	}
	if !in(x) {
		t.Errorf("%s: %q is not in its own range", typ, a)
	}
	if in(y) && x.compare(y) != 0 && !strings.Contains(b, "-") {
		t.Errorf("%s: %q is in the range of %q, and has no revision", typ, b, a)
	}
}

// TestKeysOfOthers checks the keys of the versions that the orders are tested with.
func TestKeysOfOthers(t *testing.T) {
	for file, types := range map[string][]string{
		"debian-versions-generated.txt":   {"deb"},
		"debian-versions.txt":             {"deb", "opkg", "rpm", "alpm"},
		"redhat-versions.txt":             {"rpm", "alpm", "deb"},
		"alpine-versions.txt":             {"apk"},
		"pypi-versions-generated.txt":     {"pypi"},
		"pypi-versions.txt":               {"pypi"},
		"semver-versions.txt":             {"npm", "cargo", "golang"},
		"rubygems-versions-generated.txt": {"gem"},
		"rubygems-versions.txt":           {"gem"},
	} {
		var versions []string
		for line := range strings.Lines(moduletest.File(t, moduletest.Scalibr, "semantic/testdata", file)) {
			if f := strings.Fields(line); len(f) == 3 && !strings.HasPrefix(line, "#") {
				for _, typ := range types {
					checkKeys(t, typ, f[0], f[2])
				}
				versions = append(versions, f[0], f[2])
			}
		}
		if len(versions) == 0 {
			t.Errorf("%s has no versions", file)
		}
		// And those of different lines.
		r := rand.New(rand.NewPCG(1, 2))
		for range 20_000 {
			for _, typ := range types {
				checkKeys(t, typ, versions[r.IntN(len(versions))], versions[r.IntN(len(versions))])
			}
		}
	}
}

// TestKeysOfRandomVersions checks versions made of the pieces that each order treats
// in its own way.
func TestKeysOfRandomVersions(t *testing.T) {
	pieces := strings.Fields("0 1 9 10 01 00 007 20240131 123456789 99999999999999999999 . . . .. + ~ ~~ ^ - -- _ : ! a Z rc b pre c alpha dev post .dev .post1 _p _rc1 _alpha -r0 -r1 ~ab git dfsg deb12u1 go v e é")
	r := rand.New(rand.NewPCG(3, 4))
	version := func() string {
		var b strings.Builder
		if r.IntN(6) == 0 {
			b.WriteString([]string{"v", "go", "1:", "2!", "0:"}[r.IntN(5)])
		}
		if r.IntN(8) > 0 {
			b.WriteString([]string{"1", "0", "1.0", "1.2.0", "1.21", "0.0"}[r.IntN(6)])
		}
		for range r.IntN(5) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	keyed := map[string]int{}
	for range 100_000 {
		a, b := version(), version()
		switch r.IntN(4) { // often nearly the same
		case 0:
			b = a + pieces[r.IntN(len(pieces))]
		case 1:
			b = a[:r.IntN(len(a)+1)] + b
		}
		if a == "" || b == "" {
			continue
		}
		for _, typ := range keyTypes {
			checkKeys(t, typ, a, b)
			if keyOf(typ, a).text != "" {
				keyed[typ]++
			}
		}
	}
	for _, typ := range keyTypes {
		if keyed[typ] < 2_000 {
			t.Errorf("%s: only %d versions had a key", typ, keyed[typ])
		}
	}
}

// TestKeysOfOddVersions compares each odd version with each.
func TestKeysOfOddVersions(t *testing.T) {
	odd := oddVersions()
	for _, typ := range keyTypes {
		for _, a := range odd {
			for _, b := range odd {
				checkKeys(t, typ, a, b)
				checkRange(t, typ, a, b)
			}
		}
	}
}

// TestKey has keys as they are written, since tables keep them: another form is
// another version of the table.
func TestKey(t *testing.T) {
	for _, test := range []struct{ typ, version, key string }{
		{"deb", "5.6.1-1", "0 15|16|11.11."},
		{"deb", "1:2.39.5-0+deb12u2", "1 12|239|15.0{2bdeb212u12."},
		{"opkg", "1.0~rc1-r0", "0 11|0-rc11.r0."},
		{"rpm", "1:1.1.1k-7.el8_6", "1 n11n11n11ak..0n17ael.n18n16."},
		{"rpm", "2.34", "0 n12n234.."},
		{"apk", "3.1.4_git5-r2", "01351151437215012."},
		{"alpm", "1:6.12.1.arch1-1", "1 016" + "1n212" + "1n11" + "1aarch." + "011" + "." + "0" + "011" + "."},
		{"pypi", "2.32.0rc1", "012232.r1101."},
		{"pypi", "1!1.0.post2+local.7", "1111.z1121alocal.b17."},
		{"npm", "20.1.0-beta.2", "2201" + "10a1beta.012."},
		{"npm", "1.0.0", "1100z."},
		{"golang", "v1.8.0", "11180z."},
		{"golang", "go1.22rc1", "112220a1rc.011."},
		{"golang", "go1.22", "112220.."},
		{"golang", "go1.20", "112200z."},
		{"golang", "1.22.5", "1122215z."},
		{"gem", "3.0.9", "91388" + "19."},
		{"maven", "1.0", ""},
		{"pypi", "unknown", ""},
		{"deb", "4294967295:1", "4294967295 11.0."},
		{"deb", "4294967296:1", ""},
		{"deb", "", ""},
		{"", "1.0", ""},
	} {
		epoch, got := Key(test.typ, test.version)
		if HasEpochs(test.typ) && got != "" {
			got = fmt.Sprint(epoch, " ", got)
		}
		if got != test.key {
			t.Errorf("%s %s: %q, want %q", test.typ, test.version, got, test.key)
		}
	}
}

// TestKeyRange checks which versions a range has.
func TestKeyRange(t *testing.T) {
	for _, test := range []struct{ typ, version, before, in, after string }{
		{"deb", "5.6.1", "5.6.1~rc1-1 5.6.0-9 5.6", "5.6.1 5.6.1-0 5.6.1-1 5.6.1-1+b2 5.6.1-99", "5.6.1+really5.4-1 5.6.1a-1 5.6.1.1 1:5.6.1"},
		{"deb", "5.6.1-1", "5.6.1 5.6.1-1~", "5.6.1-1 5.6.1-01", "5.6.1-1+b1 5.6.2"},
		{"rpm", "1.0", "1.0~rc1-1 0.9-9", "1.0 1.0-1 0:1.0-1.el9", "1.0^git1-1 1.0a-1 1.0.1 1:1.0"},
		{"rpm", "1.0-1", "1.0 1.0-0", "1.0-1", "1.0-1.el9 1.0-2"},
		{"apk", "1.2", "1.2_rc1 1.1-r9", "1.2 1.2-r0 1.2-r12", "1.2_p1 1.2a 1.2.1 1.2~ab12-r0"},
		{"apk", "1.2-r1", "1.2 1.2-r0", "1.2-r1", "1.2-r2 1.2.1"},
		{"apk", "1", "1_rc1-r1 1-ruff 1-r 1-0 1!-r0", "1-r0-ruff2 1-r0-r2", "1_p1-r0 1.0"},
		{"apk", "1.2?", "1.1", "1.2?", "1.2 1.2-r1"},
		{"deb", "-1", "", "-1 -01", "-1+b1 -2 1"},
		{"deb", "1:", "1 9", "1: 1:-0 1:-1", "1:1 2:"},
		{"rpm", "1-", "1 0", "1- 1--", "1-1 2"},
		{"alpm", "1.2", "1.2rc1-1 1.1-9", "1.2 1.2-1 1.2-1.1", "1.2.1-1 1:1.2-1"},
		{"pypi", "1.0", "1.0rc1 1.0.dev1 0.9", "1.0 1 1.0.0", "1.0+local 1.0.post1 1.1"},
		{"npm", "1.0.0", "1.0.0-rc.1", "1.0.0 1.0 1.0.0+build", "1.0.1-a 1.0.1"},
		{"npm", "1.0.0-a", "1.0.0-1", "1.0.0-a 1.0.0-a+b", "1.0.0-a.1 1.0.0-a- 1.0.0-a-b 1.0.0-a1 1.0.0"},
		{"golang", "go1.22.0", "go1.22 go1.22rc1 1.22.0-rc.1 v1.21.9", "go1.22.0 v1.22.0 1.22 1.22.0", "go1.22.1 v1.22.1 1.23"},
		{"golang", "v1.2.3", "v1.2.3-0.20230101000000-abcdefabcdef", "v1.2.3 1.2.3", "v1.2.4"},
		{"gem", "1.0", "1.0.a 1.0.0.b", "1 1.0 1.0.0", "1.0.1 1.1"},
	} {
		epoch, from, before := KeyRange(test.typ, test.version)
		for list, want := range map[string]string{test.before: "before", test.in: "in", test.after: "after"} {
			for _, v := range strings.Fields(list) {
				got := "in"
				switch k := keyOf(test.typ, v); {
				case k.epoch < epoch, k.epoch == epoch && k.text < from:
					got = "before"
				case k.epoch > epoch, k.text >= before:
					got = "after"
				}
				if got != want {
					t.Errorf("%s: %s is %s %s, want %s (%q; %q to %q)", test.typ, v, got, test.version, want, keyOf(test.typ, v).text, from, before)
				}
			}
		}
	}
	if _, from, before := KeyRange("maven", "1"); from+before != "" {
		t.Errorf("maven has the range %q to %q", from, before)
	}
}

// FuzzKey checks that keys are in the order of their versions.
func FuzzKey(f *testing.F) {
	f.Add("1.0-1", "1.0")
	for _, v := range oddVersions() {
		f.Add(v, "1.0-1")
	}
	f.Add("go1.22", "go1.22rc1")
	f.Add("1.a.0", "1-b")
	f.Add("1.0_rc1", "1:1.0~~")
	f.Add("1.0.a0b", "1.0.a")
	f.Add("1.0^", "1.0.dev1+a.b")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, typ := range keyTypes {
			checkKeys(t, typ, a, b)
			checkRange(t, typ, a, b)
		}
	})
}

// TestKeysSort sorts the rows of Debian's versions by their keys alone.
func TestKeysSort(t *testing.T) {
	var keys []key
	for _, row := range debVersions {
		for _, v := range row {
			if keyOf("deb", v).compare(keyOf("deb", row[0])) != 0 {
				t.Errorf("%s and %s have different keys", v, row[0])
			}
		}
		keys = append(keys, keyOf("deb", row[0]))
	}
	if !slices.IsSortedFunc(keys, key.compare) {
		t.Errorf("not in order: %v", keys)
	}
}

// oddVersions are those in which a part is empty, at its limit or in an unusual place.
func oddVersions() []string {
	long := strings.Repeat("9", 40)
	return append(strings.Fields(`- -1 1- -- --1 1-- 1--1 1-1-1 1-r -r1 1-r0-ruff2 1-r1-r2 1_p-r1 1_rc_p1-r2 1~ab-r1 1~-r1 1.0- 1.0-~ ~ ~1 1~ 1~~-1 ~-~ ^ 1^ 1^~ 1~^-1
		: :1 1: 1:-1 1: 1:: 1:2:3 1:2:3-4 :: 0:1 00:1 01:1 1:0 1:01 -1:1 1-1:1 a:1 1a:1 2147483647:1 2147483648:1 4294967295:1 4294967296:1 999999999:1 9999999999:1
		0 00 000 0.0 00.00 0.00.1 007 1.007 1.7 1.07 1.00007 123456789 1234567890 12345678 012345678 .1 1. 1..1 ... 1._1 1.-1 +1 1+ 1+- _ _1 1_ 1__1 @ # é é1 1é 1.é 1-é é:1 １ 1.１ ١.٢ ſ 1.0poſt1 1.0K ﬁ
		v v1 V1 v1.0 go go1 go1.21 go1.22 go1.22rc1 go1.22.0 1.22 1.22rc1 go1.20 go1.20rc1 go1.22.1-custom =1 1! 1!1 0!1 1!0!1 1.0+ 1.0+a.b 1.0+A_b-1 1.0-- 1.0---a 1.0-0a 1.0-a.-b 1.0.pre 1.0a0 1.0.a 1.0.a.0 1.0-a.1 A Z a z 1A 1a 1.A-a`),
		long, "1."+long, long+":1", "1-"+long, "1:"+long+"-"+long, strings.Repeat("1.", 200)+"1", strings.Repeat("a", 300), strings.Repeat("-", 300), "1.0"+strings.Repeat("~", 50), strings.Repeat("1:", 50)+"1")
}
