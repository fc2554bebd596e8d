package image

import "github.com/depaudit/depaudit/sbom/registry"

// Limits on untrusted input. An image beyond one of them is rejected.
const (
	// maxManifest is the maximum size of a manifest or an index, also outside of a
	// registry.
	maxManifest = registry.MaxManifest
	// maxConfig is the maximum size of a configuration. It is a blob, and no
	// registry limits it; BuildKit stores its inline cache in it. containerd's
	// client reads 8 MiB.
	maxConfig = 8 << 20
	// maxLayers is the maximum number of layers. The specification has no
	// limit; engines stop at 127 or 128 because of overlayfs and Linux, and so
	// does everything that runs as a stage. Some builders for other runtimes
	// exceed it.
	maxLayers = 1000
	// maxBlob is the maximum size of one layer by its descriptor. It keeps sums
	// of sizes far from overflow; real layers are below 100 GiB.
	maxBlob = 1 << 40
	// maxEntries is the maximum number of descriptors in all nested indexes. A
	// layout in which a CI system collects tags has thousands.
	maxEntries = 20_000
	// maxNesting is the maximum nesting of indexes, including the outermost.
	// BuildKit writes two (index.json and the image's index); no tool is known
	// to write more than three.
	maxNesting = 4
	// maxUnnamed is the maximum number of images in one index whose platform is
	// only in their configuration.
	maxUnnamed = 32
	// maxNested is the maximum number of indexes that are read for one image.
	maxNested = 64
	// maxText is the maximum length of a text in an image's metadata: a build
	// step, the name of a base.
	maxText = 1024
	// maxDepth is the maximum nesting of JSON. Manifests have five levels;
	// builders add objects of their own to configurations.
	maxDepth = 64

	// maxMembers is the maximum number of members of an image's archive: the
	// old format has three a layer, the new one has one a blob.
	maxMembers = 100_000
	// maxMemberName is the maximum length of a member's name. A blob's has 78
	// bytes.
	maxMemberName = 512
	// maxLinks is the maximum number of links from one member to the next.
	// "docker save" and skopeo link once.
	maxLinks = 8
	// maxSpill is the maximum size of an archive that is stored before it is
	// read: that of an engine, or one that is compressed as a whole.
	maxSpill = 256 << 30
	// maxExpansion is the maximum ratio of an archive to its compressed file,
	// beyond spillGrace. A real one has about 3; deflate reaches 1,032.
	maxExpansion = 100
	spillGrace   = 1 << 30

	// maxStatement is the maximum size of an attestation. BuildKit limits the
	// output of a scanner to 40 MiB, and rewrites it with additions.
	maxStatement = 128 << 20
	// maxAttestations is the maximum number of attestations of one image: one a
	// stage of a build.
	maxAttestations = 1000
)
