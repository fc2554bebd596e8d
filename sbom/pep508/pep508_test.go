package pep508

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want Requirement
	}{
		{"requests", Requirement{Name: "requests", Text: "requests"}},
		{" A.B-C_d (>=1,<2) ", Requirement{Name: "A.B-C_d", Specifiers: Specifiers{{">=", "1"}, {"<", "2"}}, Text: "A.B-C_d (>=1,<2)"}},
		{"a[X_y, z]==1.*; os_name == 'posix'", Requirement{Name: "a", Extras: []string{"x-y", "z"}, Specifiers: Specifiers{{"==", "1.*"}}, Text: "a[X_y, z]==1.*", MarkerText: "os_name == 'posix'"}},
		{"a[]", Requirement{Name: "a", Text: "a[]"}},
		{"a;", Requirement{Name: "a", Text: "a"}},
		{"a>=1,", Requirement{Name: "a", Specifiers: Specifiers{{">=", "1"}}, Text: "a>=1,"}},
		{"pip @ https://example.org/pip.zip;v=1#sha1=da ; os_name == 'a'", Requirement{Name: "pip", URL: "https://example.org/pip.zip;v=1#sha1=da", Text: "pip @ https://example.org/pip.zip;v=1#sha1=da", MarkerText: "os_name == 'a'"}},
		{"pip @ https://example.org/pip.zip; os_name == 'a'", Requirement{Name: "pip", URL: "https://example.org/pip.zip", Text: "pip @ https://example.org/pip.zip", MarkerText: "os_name == 'a'"}},
		{"a >=1,=2", Requirement{Name: "a", Specifiers: Specifiers{{">=", "1"}}, Text: "a >=1,=2", Malformed: &Error{6, "not a version specifier"}}},
		{"a (>=1", Requirement{Name: "a", Specifiers: Specifiers{{">=", "1"}}, Text: "a (>=1", Malformed: &Error{2, "version specifiers without a closing parenthesis"}}},
		{"a>=1,,<2", Requirement{Name: "a", Specifiers: Specifiers{{">=", "1"}, {"<", "2"}}, Text: "a>=1,,<2", Malformed: &Error{5, "not a version specifier"}}},
	} {
		got, err := Parse(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		got.Marker = nil
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]Error{
		"":                        {0, "a requirement must begin with a name"},
		"-a":                      {0, "a requirement must begin with a name"},
		"\u212aiwi":               {0, "a requirement must begin with a name"},
		"k\u0131wi":               {1, "text after the name that is not a version specifier"},
		"a b":                     {2, "text after the name that is not a version specifier"},
		"a[x":                     {3, "extras without a closing bracket"},
		"a[-]":                    {2, "an extra without a name"},
		"a @ ":                    {4, "no URL after @"},
		"a @ b c":                 {6, "text after the end of a requirement"},
		"a; os_name":              {10, "not an operator of markers"},
		"a; os_name == 'x":        {14, "a marker without a closing quote"},
		"a; (os_name == 'x'":      {18, "a marker without a closing parenthesis"},
		"a; os_name == 'x' y":     {18, "text after the end of a requirement"},
		strings.Repeat("a", 8193): {0, "a requirement longer than 8192 bytes"},
		"a; " + strings.Repeat("(", 40) + "os_name == 'x'":           {36, "a marker with more than 32 nested parentheses"},
		"a; os_name == 'x'" + strings.Repeat("or os_name=='x'", 512): {7685, "a marker with more than 512 comparisons"},
	} {
		_, err := Parse(text)
		var got *Error
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%.50q: %#v, want %+v", text, got, want)
		}
	}
}

func TestExact(t *testing.T) {
	for text, want := range map[string]string{
		"==1.0": "1.0", "===1.0": "=1.0", "==1.0,!=2": "1.0", "==1.*": "", ">=1": "", "==1,==1": "", "==1,===1": "", "==x": "", "(== 1.0)": "1.0", "": "", "===x": "=x",
	} {
		list, err := ParseSpecifiers(text)
		if err != nil {
			t.Fatal(err)
		}
		got, verbatim := list.Exact()
		if verbatim {
			got = "=" + got
		}
		if got != want {
			t.Errorf("%q pins %q, want %q", text, got, want)
		}
	}
}

func TestAdmits(t *testing.T) {
	for _, test := range []struct {
		list, version string
		want, ok      bool
	}{
		{">=1,<2", "1.5", true, true}, {">=1,<2", "2.0", false, true}, {"~=1.4.2", "1.4.9", true, true}, {"~=1.4.2", "1.5", false, true},
		{"==1.*", "1.9", true, true}, {"!=1.*", "1.9", false, true}, {"===1.0", "1.0", true, true}, {">=1", "2.0a1", true, true}, {"", "1", true, true},
		{">=1", "unknown", false, false}, {">=" + strings.Repeat("1", 65), "1", false, false}, {"==1!2", "2", false, true},
	} {
		list, err := ParseSpecifiers(test.list)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := list.Admits(test.version); got != test.want || ok != test.ok {
			t.Errorf("%q admits %q: %v, %v", test.list, test.version, got, ok)
		}
	}
}

func TestHolds(t *testing.T) {
	env := Environment{"os_name": "posix", "python_version": "3.11", "sys_platform": "linux", "implementation_name": "cpython", "platform_machine": "x86_64"}
	for marker, want := range map[string]bool{
		"os_name == 'posix'": true, "os.name != 'posix'": false, "python_version >= '3.9'": true, "python_version < '3.9'": false, "'3.9' <= python_version": true,
		"python_full_version < '3.11.5'": true, "python_full_version >= '3.12'": false, "implementation_version == '3.11.0'": true,
		"sys_platform in 'linux,darwin'": true, "sys_platform not in 'win32'": true, "platform_release == 'x'": true, // unknown
		"extra == 'A.b'": true, "extra == 'c'": false, "os_name == 'nt' or extra == 'a-b'": true, "(os_name == 'nt' or os_name == 'posix') and extra == 'c'": false,
	} {
		for _, settled := range []bool{false, true} {
			r, err := Parse("x; " + marker)
			if err != nil {
				t.Fatal(err)
			}
			if settled {
				r.Marker.Settle(env)
			}
			if got := r.Marker.Holds(env, "a-b"); got != want {
				t.Errorf("%s (settled: %v): %v", marker, settled, got)
			}
		}
	}
}

// TestApplies checks the three values, which a lock reader needs: a marker that
// the environment does not decide is neither true nor false.
func TestApplies(t *testing.T) {
	short := Environment{"os_name": "posix", "python_version": "3.11", "sys_platform": "linux", "implementation_name": "cpython"}
	full := Environment{"python_version": "3.11", "python_full_version": "3.11.4", "implementation_name": "cpython"}
	for _, test := range []struct {
		marker string
		env    Environment
		want   Truth
	}{
		{"", nil, True}, {"python_version < '3.8'", short, False}, {"python_version >= '3.8'", short, True}, {"python_version < '3.8'", nil, Unknown},
		{"'3.8' > python_version", short, False}, {"python_version in '3.10 3.11'", short, True}, {"sys_platform == 'win32' or platform_machine == 'arm64'", short, Unknown},
		{"sys_platform == 'win32' and platform_machine == 'arm64'", short, False}, {"sys_platform == 'linux' or platform_machine == 'arm64'", short, True},
		{"python_full_version < '3.12'", short, True}, {"python_full_version >= '3.11'", short, True}, {"python_full_version >= '3.11.4'", short, Unknown},
		{"python_full_version == '3.11.4'", short, Unknown}, {"python_full_version == '3.11.4'", full, True}, {"python_full_version != '3.11.4'", full, False},
		{"python_full_version == '3.11.*'", short, True}, {"python_full_version == '3.10.4'", short, False}, {"python_full_version in '3.11.4 3.11.5'", short, Unknown},
		{"implementation_version >= '3.11'", short, True}, {"implementation_version >= '3.11'", Environment{"python_version": "3.11"}, Unknown},
		{"extra == 'a' and sys_platform == 'linux'", short, True}, {"extra == 'a' and sys_platform == 'win32'", short, False}, {"'dev' in dependency_groups", short, True}, {"'a' in extras", nil, True},
		{"platform_release >= '5'", full, Unknown}, {"no_such_variable == 'x'", full, Unknown},
	} {
		m, err := ParseMarker(test.marker)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Applies(test.env); got != test.want {
			t.Errorf("%s: %d, want %d", test.marker, got, test.want)
		}
	}
	for _, marker := range []string{"python_version", "python_version < '3' x", "(os_name == 'x'", strings.Repeat("a", maxMarker+1)} {
		if m, err := ParseMarker(marker); err == nil {
			t.Errorf("%.50q is parsed: %+v", marker, m)
		}
	}
}

// seeds has requirements of each form, some of them malformed.
func seeds() []string {
	return []string{
		"requests", "requests[security,tests] >=2.8.1,==2.8.* ; python_version < '2.7'", "pip @ https://example.org/pip.zip#sha1=da ; os_name == 'a'", "A.B-C_d (>=1,<2)",
		"a;python_version>'3' and (os_name=='x' or extra == 'y')", "a ; '3.8' <= python_version", "a ; sys_platform not in 'win32,cygwin'", "a ; python_full_version ~= '3.11.2'",
		"a ; python_full_version == '3.11.*'", "a[]", "a[x", "a;", "a ; ((((((os_name == 'x'))))))", "a ; implementation_version === '3.11.0'", "a ; python_version == '1!3.11+x.y'", "a ; \"'\" == os.name",
		"a >1,==2.*", "a ~= 1.4.5a4", "a === x_y", "a @ https://x; os_name == 'a'", "a (1)", "a ==1.0,,", "0@;;", "0!\f", "k\u0131wi",
	}
}

// FuzzParse checks that the name and the extras of a requirement are valid,
// that its text without the marker is parsed to the same, that an error has
// its place in the text, and that a marker which holds in a known environment
// also holds when nothing is known.
func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	known := Environment{"os_name": "posix", "python_version": "3.11", "sys_platform": "linux", "implementation_name": "cpython"}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(s) {
				t.Errorf("%q: %#v", s, err)
			}
			return
		}
		if !ecosystem.ValidPython(r.Name) || r.Text != strings.Trim(r.Text, " \t") || !strings.Contains(s, r.Text) || r.URL != "" && len(r.Specifiers) > 0 {
			t.Errorf("%q: name %q, text %q", s, r.Name, r.Text)
		}
		again, err := Parse(r.Text)
		if err != nil || again.Marker != nil || again.Name != r.Name || again.URL != r.URL || !slices.Equal(again.Extras, r.Extras) || !slices.Equal(again.Specifiers, r.Specifiers) {
			t.Errorf("%q: %q is parsed to %+v, %v", s, r.Text, again, err)
		}
		for _, extra := range append(r.Marker.Extras(), "") {
			if r.Marker.Holds(known, extra) && !r.Marker.Holds(nil, extra) {
				t.Errorf("%q holds with extra %q, and not when nothing is known", s, extra)
			}
		}
	})
}

// askPackaging parses requirements with pip's copy of the packaging library
// and evaluates their markers and specifiers.
const askPackaging = `
import json, sys
from pip._vendor.packaging.requirements import Requirement, InvalidRequirement
from pip._vendor.packaging.version import Version
asked = json.load(sys.stdin)
out = []
for text in asked["texts"]:
    try: r = Requirement(text)
    except InvalidRequirement: out.append(None); continue
    out.append({"name": r.name, "extras": sorted(r.extras), "url": r.url or "", "specs": sorted(str(s) for s in r.specifier),
        "holds": [not r.marker or r.marker.evaluate(dict(asked["env"], extra=e)) for e in asked["extras"]],
        "admits": [r.specifier.contains(Version(v), prereleases=True) for v in asked["versions"]]})
json.dump(out, sys.stdout)
`

// TestAsPackaging compares parsing and evaluation with pip's library.
func TestAsPackaging(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	var texts []string
	markers := []string{"", "os_name == 'posix'", "python_version < '3.9'", "python_version >= '3.9' and extra == 'x'", "sys_platform in 'linux,darwin' or os_name == 'nt'",
		"(extra == 'x' or extra == 'y') and python_full_version >= '3.11.2'", "'linux' == sys_platform", "platform_machine not in 'arm64'", "implementation_name != 'cpython'", "python_version ~= '3.10'",
		"python_full_version == '3.11.*'", "os_name ==", "os_name == 'a' xor os_name == 'b'", "os_name"}
	versions := []string{"", ">=1.0", "==1.*", "~=1.4.2", "(>=1,<2)", "!=1.5,>1", "===1.5", "==1.5", "==1!1.5", "<2.0a1", ">1.5.post1", "=1", ">=1,,<2"}
	names := []string{"a", "A.b_c", "a[x]", "a[x,Y-z]", "a[x", "-a", "a b"}
	for _, n := range names {
		for _, v := range versions {
			for _, m := range markers {
				text := n + v
				if m != "" {
					text += " ; " + m
				}
				texts = append(texts, text)
			}
		}
	}
	texts = append(texts, "a @ https://example.org/a.zip", "a @ https://example.org/a.zip ; os_name == 'posix'", "a[x]@ https://example.org/a;b#c", "a @")
	env := Environment{"os_name": "posix", "sys_platform": "linux", "platform_machine": "x86_64", "implementation_name": "cpython", "python_version": "3.11", "python_full_version": "3.11.2"}
	extras, tried := []string{"", "x", "y"}, []string{"1.0", "1.4.9", "1.5", "1.5.post2", "2.0a1", "2.0"}
	input, err := json.Marshal(map[string]any{"texts": texts, "env": env, "extras": extras, "versions": tried})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", askPackaging)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(input)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		Name, URL     string
		Extras, Specs []string
		Holds, Admits []bool
	}
	var want []*answer
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for i, text := range texts {
		r, err := Parse(text)
		if accepted := err == nil && r.Malformed == nil; accepted != (want[i] != nil) {
			t.Errorf("%q: accepted %v (%v), by packaging %v", text, accepted, err, want[i] != nil)
		}
		if err != nil || r.Malformed != nil || want[i] == nil {
			continue
		}
		valid++
		got := answer{Name: r.Name, URL: r.URL, Extras: []string{}, Specs: []string{}}
		for _, e := range want[i].Extras {
			got.Extras = append(got.Extras, r.Extras[slices.Index(r.Extras, ecosystem.Python(e))])
		}
		for j, e := range want[i].Extras {
			want[i].Extras[j] = ecosystem.Python(e)
		}
		for _, s := range r.Specifiers {
			got.Specs = append(got.Specs, s.Operator+s.Version)
		}
		slices.Sort(got.Specs)
		for _, e := range extras {
			got.Holds = append(got.Holds, r.Marker.Holds(env, e))
		}
		if holds := r.Marker.Applies(env); len(r.Marker.Extras()) == 0 && holds != truth(want[i].Holds[0]) {
			t.Errorf("%q applies: %d, by packaging %v", text, holds, want[i].Holds[0])
		}
		for _, v := range tried {
			admits, ok := r.Specifiers.Admits(v)
			if !ok {
				t.Errorf("%q: no answer for version %s", text, v)
			}
			got.Admits = append(got.Admits, admits)
		}
		if diff := cmp.Diff(*want[i], got); diff != "" {
			t.Errorf("%q (-packaging +got):\n%s", text, diff)
		}
	}
	if valid < 400 {
		t.Errorf("only %d requirements are valid", valid)
	}
}
