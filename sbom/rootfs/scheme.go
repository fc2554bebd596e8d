package rootfs

// The names of the schemes of a [Ref].
const (
	SchemeDir           = "dir"
	SchemeHost          = "host"
	SchemeOCIDir        = "oci-dir"
	SchemeOCIArchive    = "oci-archive"
	SchemeDockerArchive = "docker-archive"
	SchemeRegistry      = "registry"
	SchemeDocker        = "docker"
	SchemeSBOM          = "sbom"
	SchemeAttestation   = "attestation"
	SchemeSnapshot      = "snapshot"
)

// Scheme is a kind of environment. Parsing, help texts, completion and the
// table in docs/environments.md follow from [Schemes].
type Scheme struct {
	// Name is the part of a reference before the colon.
	Name string
	// Form is how a reference of the scheme is written: "oci-dir:PATH[:TAG]".
	Form string
	// Text is what an environment of the scheme is, in a few words for help
	// and documents.
	Text string
	// Path is what [Ref.Path] names.
	Path PathKind
	// Image reports whether an environment is a container image, which has
	// layers.
	Image bool
	// BaseOnly reports whether an environment can only be compared with.
	BaseOnly bool

	tag   bool // a tag or digest may follow the path
	stage bool // "#STAGE" may follow
}

// PathKind is what the path of a reference names.
type PathKind uint8

const (
	PathNone      PathKind = iota // nothing: there is only one environment of the scheme
	PathDir                       // a directory
	PathFile                      // a file, or "-" for standard input
	PathDirOrFile                 // either
	PathImage                     // the name of an image, which is not on this file system
)

// OnDisk reports whether the path is one of this machine's file system.
func (k PathKind) OnDisk() bool { return k == PathDir || k == PathFile || k == PathDirOrFile }

// Schemes returns all schemes, in the order of the documentation.
func Schemes() []Scheme {
	return []Scheme{
		{Name: SchemeDir, Form: "dir:PATH", Path: PathDir,
			Text: "a root file system in a directory; also a bare path"},
		{Name: SchemeHost, Form: "host:", Path: PathNone,
			Text: "the machine that depaudit runs on"},
		{Name: SchemeOCIDir, Form: "oci-dir:PATH[:TAG]", Path: PathDir, Image: true, tag: true,
			Text: "an OCI image layout in a directory"},
		{Name: SchemeOCIArchive, Form: "oci-archive:FILE[:TAG]", Path: PathFile, Image: true, tag: true,
			Text: "an OCI image layout in a tar file"},
		{Name: SchemeDockerArchive, Form: "docker-archive:FILE[:TAG]", Path: PathFile, Image: true, tag: true,
			Text: "an archive that docker save writes"},
		{Name: SchemeRegistry, Form: "registry:REF", Path: PathImage, Image: true,
			Text: "an image in a registry"},
		{Name: SchemeDocker, Form: "docker:REF", Path: PathImage, Image: true,
			Text: "an image of a running engine, Docker or Podman"},
		{Name: SchemeSBOM, Form: "sbom:FILE", Path: PathFile,
			Text: "an SBOM of another tool; - is standard input"},
		{Name: SchemeAttestation, Form: "attestation:PATH[:TAG][#STAGE]", Path: PathDirOrFile, tag: true, stage: true,
			Text: "an SBOM that BuildKit attached to an image"},
		{Name: SchemeSnapshot, Form: "snapshot:FILE", Path: PathFile, BaseOnly: true,
			Text: "a snapshot that depaudit wrote; only as a base"},
	}
}

// schemeOf returns the scheme of a name.
func schemeOf(name string) (Scheme, bool) {
	for _, s := range Schemes() {
		if s.Name == name {
			return s, true
		}
	}
	return Scheme{}, false
}

// schemeNames returns the names of all schemes, for messages.
func schemeNames() []string {
	var names []string
	for _, s := range Schemes() {
		names = append(names, s.Name)
	}
	return names
}
