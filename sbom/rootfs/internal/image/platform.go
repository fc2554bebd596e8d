package image

import (
	"fmt"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// platform is the platform of an image. The zero value is none.
type platform struct{ os, arch, variant string }

func (p platform) String() string {
	s := p.os + "/" + p.arch
	if p.variant != "" {
		s += "/" + p.variant
	}
	if s == "/" {
		return ""
	}
	return s
}

// request is a requested platform.
type request struct {
	platform
	// named reports whether the user requested it; otherwise it is that of
	// this machine.
	named bool
}

// parsePlatform parses "os/architecture[/variant]". An empty string is the
// platform that an engine on this machine would pull: containers are Linux on
// every system, unless Windows is requested.
func parsePlatform(s string) (request, error) {
	if s == "" {
		return request{platform: platform{os: "linux", arch: runtime.GOARCH}}, nil
	}
	parts := strings.Split(s, "/")
	valid := len(parts) == 2 || len(parts) == 3
	for _, part := range parts {
		valid = valid && isPlatformWord(part)
	}
	if !valid {
		return request{}, fmt.Errorf("platform %s: write os/architecture or os/architecture/variant, as in linux/arm64", quote(s))
	}
	p := platform{os: parts[0], arch: parts[1]}
	if len(parts) == 3 {
		p.variant = parts[2]
	}
	return request{platform: p, named: true}, nil
}

// isPlatformWord reports whether s has the characters of GOOS, GOARCH and the
// variants of the image specification.
func isPlatformWord(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// normal returns the platform with its usual names, as engines compare them
// (containerd's platforms.Normalize): "x86_64" is amd64, the first variant of
// amd64 and the eighth of arm64 have no name, and arm without a variant is the
// seventh.
func (p platform) normal() platform {
	p.os, p.arch, p.variant = strings.ToLower(p.os), strings.ToLower(p.arch), strings.ToLower(p.variant)
	switch p.arch {
	case "x86_64", "x86-64":
		p.arch = "amd64"
	case "i386", "i486", "i586", "i686":
		p.arch = "386"
	case "aarch64":
		p.arch = "arm64"
	case "armhf":
		p.arch, p.variant = "arm", "v7"
	case "armel":
		p.arch, p.variant = "arm", "v6"
	}
	switch {
	case p.arch == "amd64" && p.variant == "v1", p.arch == "arm64" && (p.variant == "v8" || p.variant == "8"):
		p.variant = ""
	case p.arch == "arm" && p.variant == "":
		p.variant = "v7"
	}
	return p
}

// sameMachine reports whether two platforms differ at most in the variant.
func (p platform) sameMachine(q platform) bool {
	p, q = p.normal(), q.normal()
	return p.os == q.os && p.arch == q.arch
}

// accepts reports whether an image of platform p satisfies the request. A
// request without a variant accepts any.
func (r request) accepts(p platform) bool {
	if r.variant == "" {
		return r.sameMachine(p)
	}
	return r.normal() == p.normal()
}

// isUnknown reports whether p is the platform that BuildKit gives to
// attestations, so that no engine runs them.
func (p platform) isUnknown() bool { return p.os == "unknown" && p.arch == "unknown" }

func fromPlatform(p *v1.Platform) platform {
	if p == nil {
		return platform{}
	}
	return platform{os: p.OS, arch: p.Architecture, variant: p.Variant}
}
