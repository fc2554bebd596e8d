package judge

import (
	"testing"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
)

// TestWildcards matches package URLs, as catalogers write them, with those of
// exceptions.
func TestWildcards(t *testing.T) {
	for _, tt := range []struct {
		pattern, purl string
		want          bool
	}{
		{"pkg:npm/@types/*", "pkg:npm/%40types/node@20.1.0", true},
		{"pkg:npm/%40types/*", "pkg:npm/%40types/node@20.1.0", true},
		{"pkg:npm/@types/*", "pkg:npm/%40types-x/node@20.1.0", false},
		{"pkg:npm/@types/*", "pkg:npm/types@1", false},
		{"pkg:npm/@*/node", "pkg:npm/%40types/node@1", true},
		{"pkg:npm/*", "pkg:npm/left-pad@1", true},
		{"pkg:npm/*", "pkg:npm/%40types/node@1", false},
		{"pkg:npm/**", "pkg:npm/%40types/node@1", true},
		{"pkg:npm/**", "pkg:npm/left-pad@1", true},
		{"pkg:npm/**", "pkg:pypi/left-pad@1", false},
		{"pkg:npm/left-*@1.*", "pkg:npm/left-pad@1.2.3", true},
		{"pkg:npm/left-*@1.*", "pkg:npm/left-pad@10.2.3", false},
		{"pkg:npm/left-pad@1.*", "pkg:npm/left-pad", false},
		{"pkg:pypi/Typing_*", "pkg:pypi/typing-extensions@4", true},
		{"pkg:golang/github.com/aws/**", "pkg:golang/github.com/aws/aws-sdk-go-v2/service/s3@v1.0.0", true},
		{"pkg:golang/github.com/aws/**", "pkg:golang/github.com/awsx/y@v1.0.0", false},
		{"pkg:golang/github.com/*/x", "pkg:golang/github.com/a/x@v1", true},
		{"pkg:golang/github.com/*/x", "pkg:golang/github.com/a/b/x@v1", false},
		{"pkg:golang/**/x", "pkg:golang/github.com/a/b/x@v1", true},
		{"pkg:deb/debian/lib*?arch=amd64", "pkg:deb/debian/libc6@2.36?arch=amd64", true},
		{"pkg:deb/debian/lib*?arch=amd64", "pkg:deb/debian/libc6@2.36?arch=i386", false},
		// Characters of patterns in names are characters.
		{"pkg:generic/a{b}*", "pkg:generic/a%7Bb%7Dc@1", true},
		{"pkg:generic/[ab]*", "pkg:generic/ac@1", false},
	} {
		s := newSelector("", tt.pattern, "")
		if got := s.matches(&sbom.Component{PURL: tt.purl}); got != tt.want {
			t.Errorf("%s and %s: %t", tt.pattern, tt.purl, got)
		}
	}
}

// TestExceptionPaths matches paths: a pattern covers what is below a directory, and
// only the path itself is not wide.
func TestExceptionPaths(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want, wide    bool
	}{
		{"/opt/tool", "/opt/tool", true, false},
		{"/opt/tool/", "/opt/tool", true, false},
		{"/opt/tool", "/opt/tool/bin/x", true, true},
		{"/opt/tool/", "/opt/tool/bin/x", true, true},
		{"/opt/tool", "/opt/tools", false, false},
		{"/opt/*", "/opt/a/b/c", true, true},
		{"/opt/*.pth", "/opt/a.pth", true, true},
		{"/opt/*.pth", "/opt/x/a.pth", false, false},
		{"/opt/**/x", "/opt/a/b/x/y", true, true},
		{"/opt/{a,b}/", "/opt/b/x", true, true},
		{"/opt/a[1]", "/opt/a[1]", true, false},
		{"/opt/a[1]", "/opt/a[1]/x", true, true},
		{`/opt/a\x0a`, `/opt/a\x0a`, true, false},
	} {
		e := newExceptions([]config.Exception{{Path: tt.pattern, Expires: "2027-01-01"}}, today).inStage("s")
		h := e.forPath("startup-code", tt.path)
		if h.live != tt.want || h.wide != tt.wide {
			t.Errorf("%s and %s: %t, wide %t", tt.pattern, tt.path, h.live, h.wide)
		}
	}
}

// TestDays counts days, also between years that a duration cannot span.
func TestDays(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"2024-02-28", "2024-03-01", 2}, {"2024-03-01", "2024-02-28", -2}, {"2024-01-01", "9999-12-31", 2913173}, {"", "2024-01-01", 0},
	} {
		if got := days(tt.from, tt.to); got != tt.want {
			t.Errorf("%s to %s: %d, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}
