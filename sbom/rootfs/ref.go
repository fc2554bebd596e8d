package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// The schemes of a [Ref].
const (
	SchemeDir           = "dir"            // a root file system in a folder
	SchemeHost          = "host"           // the machine that we run on
	SchemeOCIDir        = "oci-dir"        // an OCI image layout in a folder
	SchemeOCIArchive    = "oci-archive"    // an OCI image layout in a tar file
	SchemeDockerArchive = "docker-archive" // what "docker save" writes
	SchemeRegistry      = "registry"       // an image in a registry
	SchemeDocker        = "docker"         // an image of a running engine
	SchemeSBOM          = "sbom"           // a document that somebody else made
	SchemeAttestation   = "attestation"    // an SBOM that BuildKit attached to an image in an OCI layout
	SchemeSnapshot      = "snapshot"       // what depaudit snapshot wrote
)

// Schemes are all schemes with how a reference of each is written.
func Schemes() []struct{ Name, Form string } {
	return []struct{ Name, Form string }{
		{SchemeDir, "dir:PATH"},
		{SchemeHost, "host:"},
		{SchemeOCIDir, "oci-dir:PATH[:TAG]"},
		{SchemeOCIArchive, "oci-archive:FILE[:TAG]"},
		{SchemeDockerArchive, "docker-archive:FILE[:TAG]"},
		{SchemeRegistry, "registry:REF"},
		{SchemeDocker, "docker:REF"},
		{SchemeSBOM, "sbom:FILE"},
		{SchemeAttestation, "attestation:PATH[:TAG][#STAGE]"},
		{SchemeSnapshot, "snapshot:FILE"},
	}
}

// schemes is how an error message names what ParseRef knows.
func schemes() string {
	var forms []string
	for _, s := range Schemes() {
		forms = append(forms, s.Form)
	}
	return strings.Join(forms, ", ")
}

// Ref says where an environment is.
type Ref struct {
	// Scheme is one of the Scheme constants.
	Scheme string `json:"scheme"`
	// Path is the folder or file, as it was written; "/" for a host; the name
	// of the image for a registry or an engine; "-" for an SBOM from standard
	// input.
	Path string `json:"path"`
	// Tag chooses an image of an OCI layout or of a Docker archive: the tag,
	// or the digest of its manifest ("sha256:..."). Empty when there is only
	// one to choose.
	Tag string `json:"tag,omitempty"`
	// Stage is the build stage of an attestation, empty for the image's own.
	Stage string `json:"stage,omitempty"`
}

// String is the form that [ParseRef] reads.
func (r Ref) String() string {
	if r.Scheme == SchemeHost {
		return SchemeHost + ":"
	}
	s := r.Scheme + ":" + r.Path
	switch {
	case strings.HasPrefix(r.Tag, "sha256:"):
		s += "@" + r.Tag
	case r.Tag != "":
		s += ":" + r.Tag
	}
	if r.Stage != "" {
		s += "#" + r.Stage
	}
	return s
}

// IsImage says whether the reference names a container image.
func (r Ref) IsImage() bool { return (&sbom.Environment{Kind: r.Scheme}).IsImage() }

// HasPath says whether Path is a path on this machine, which may be relative.
func (r Ref) HasPath() bool {
	switch r.Scheme {
	case SchemeHost, SchemeRegistry, SchemeDocker:
		return false
	}
	return r.Path != "-"
}

// ParseRef reads a reference of one of the forms of [Schemes], or a bare
// path, which means "dir:". What looks like another scheme is refused rather
// than taken for a path, unless there is a file of that name.
func ParseRef(s string) (Ref, error) { return ParseRefIn("", s) }

// ParseRefIn is [ParseRef] for a reference whose relative path starts at dir.
// The path itself stays as it is written.
func ParseRefIn(dir, s string) (Ref, error) {
	if s == "" {
		return Ref{}, errors.New("environment: the reference is empty: write host: or dir:PATH")
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return pathRef(SchemeDir, s, s)
	}
	switch scheme {
	case SchemeDir, SchemeSBOM, SchemeSnapshot:
		return pathRef(scheme, s, rest)
	case SchemeHost:
		if rest != "" {
			return Ref{}, fmt.Errorf("environment %q: host: takes no path: write host: for this machine, or dir:%s for a folder", s, rest)
		}
		return Ref{Scheme: SchemeHost, Path: "/"}, nil
	case SchemeOCIDir, SchemeOCIArchive, SchemeDockerArchive:
		path, tag := cutTag(scheme, dir, rest)
		r, err := pathRef(scheme, s, path)
		if err == nil {
			r.Tag = tag
		}
		return r, err
	case SchemeAttestation:
		rest, stage, _ := strings.Cut(rest, "#")
		path, tag := cutTag(scheme, dir, rest)
		r, err := pathRef(scheme, s, path)
		if err == nil {
			r.Tag, r.Stage = tag, stage
		}
		return r, err
	case SchemeRegistry, SchemeDocker:
		// The form "docker://REF" is what other tools write.
		return pathRef(scheme, s, strings.TrimPrefix(rest, "//"))
	}
	if _, err := os.Lstat(filepath.Join(dir, s)); err == nil {
		return pathRef(SchemeDir, s, s)
	}
	return Ref{}, fmt.Errorf("environment %q: unknown scheme %q: known are %s (for a folder of that name write dir:%s)", s, scheme, schemes(), s)
}

// cutTag parts a path from the tag or digest behind it. Both may have colons
// in them, and the tag slashes as well ("registry.example:5000/app:1"). So the
// longest part in front of a colon that is there on the disk is the path. When
// nothing is, an archive's path ends at the first colon, and a layout's at the
// last one unless a folder follows.
func cutTag(scheme, dir, s string) (path, tag string) {
	if path, digest, ok := strings.Cut(s, "@sha256:"); ok {
		return path, "sha256:" + digest
	}
	exists := func(path string) bool {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		_, err := os.Lstat(path)
		return err == nil
	}
	if exists(s) {
		return s, ""
	}
	for i := len(s) - 1; i > 0; i-- {
		if s[i] == ':' && exists(s[:i]) {
			return s[:i], s[i+1:]
		}
	}
	i := strings.LastIndexByte(s, ':')
	if scheme == SchemeDockerArchive {
		i = strings.IndexByte(s, ':')
	} else if i >= 0 && strings.ContainsRune(s[i:], '/') {
		i = -1
	}
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

func pathRef(scheme, s, path string) (Ref, error) {
	if path == "" {
		i := slices.IndexFunc(Schemes(), func(x struct{ Name, Form string }) bool { return x.Name == scheme })
		err := fmt.Errorf("environment %q: nothing follows the scheme: write %s", s, Schemes()[i].Form)
		if scheme == SchemeDir {
			err = fmt.Errorf("environment %q: no path: write dir:PATH, dir:. for the current folder", s)
		}
		return Ref{}, err
	}
	if strings.ContainsRune(path, 0) {
		return Ref{}, fmt.Errorf("environment %q: the path has a zero byte", s)
	}
	return Ref{Scheme: scheme, Path: path}, nil
}

// isScheme is a letter followed by letters, digits, '+' and '-'. A dot is
// not part of it, although RFC 3986 allows it: "./x:y" and "root.old:1" are
// paths.
func isScheme(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}
