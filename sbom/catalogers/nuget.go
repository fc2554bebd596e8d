package catalogers

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/depaudit/depaudit/sbom"
)

// ContentHash is the algorithm of the hash that NuGet records of a package: the
// SHA-512 without its signature, which is not that of the .nupkg file
// (https://github.com/NuGet/Home/wiki/Nupkg-Metadata-File).
const ContentHash = "nuget-sha512"

// appendContentHash appends a content hash in base64, if it is one.
func appendContentHash(digests []sbom.Digest, value, file string) []sbom.Digest {
	d, ok := ContentHashDigest(value, file)
	if !ok {
		return digests
	}
	return append(digests, d)
}

// ContentHashDigest returns the digest of a NuGet package by its content hash in
// base64, in a record at a path. It returns false for another text.
func ContentHashDigest(value, file string) (sbom.Digest, bool) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != 64 {
		return sbom.Digest{}, false
	}
	return sbom.Digest{Algorithm: ContentHash, Value: hex.EncodeToString(raw), File: file}, true
}
