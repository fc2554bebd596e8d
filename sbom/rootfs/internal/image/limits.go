package image

// Limits on what strangers write. An image that is over one is refused.
const (
	// maxManifest is the size of a manifest or an index. Registries take no
	// larger one (the distribution specification asks for 4 MiB at least,
	// and distribution and its kin stop there), so that a larger one comes
	// from no registry and goes to none.
	maxManifest = 4 << 20
	// maxConfig is the size of a configuration. It is a blob, and no registry
	// limits it; BuildKit puts its inline cache there. containerd's client
	// reads 8 MiB.
	maxConfig = 8 << 20
	// maxLayers is the number of layers. The specification has no limit;
	// engines stop at 127 or 128 because overlayfs and Linux do, and so does
	// whatever runs as a stage. Some builders for other runtimes go beyond.
	maxLayers = 1000
	// maxBlob is the size of one layer by its descriptor. It keeps sums of
	// sizes far from overflow; real layers end below 100 GiB.
	maxBlob = 1 << 40
	// maxEntries is the number of descriptors looked at, over all nested
	// indexes. A layout that a CI system collects tags in has thousands.
	maxEntries = 20_000
	// maxNesting is the number of indexes within each other, with the
	// outermost. BuildKit makes two (index.json and the image's index), and
	// nothing is known that makes more than three.
	maxNesting = 4
	// maxUnnamed is the number of images in one index whose platform has to
	// be looked up in their configuration, because the index does not say.
	maxUnnamed = 32
	// maxNested is the number of indexes that are read for one image.
	maxNested = 64
	// maxText is the length of what an image says of itself in words: a build
	// step, the name of a base.
	maxText = 1024
	// maxDepth is the depth of JSON. Manifests have five levels, and
	// configurations carry what builders put there.
	maxDepth = 64

	// maxMembers is the number of members of an image's archive: three a
	// layer in the old format, one a blob in the new.
	maxMembers = 100_000
	// maxMemberName is the length of a member's name. A blob's has 78 bytes.
	maxMemberName = 512
	// maxLinks is the number of links from one member to the next. "docker
	// save" and skopeo link once.
	maxLinks = 8
	// maxSpill is the size of an archive that has to be stored before it can
	// be read: an engine's, or one that is compressed as a whole.
	maxSpill = 256 << 30
	// maxExpansion is how many times larger than its file a compressed
	// archive may be, beyond spillGrace. A real one gains a factor of 3 or
	// so; deflate can do 1,032.
	maxExpansion = 100
	spillGrace   = 1 << 30

	// maxStatement is the size of an attestation. BuildKit stops at 40 MiB
	// for what a scanner wrote, and writes it again with more in it.
	maxStatement = 128 << 20
	// maxAttestations is the number of attestations of one image: one a stage
	// of a build.
	maxAttestations = 1000
)
