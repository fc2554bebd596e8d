package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
	"github.com/depaudit/depaudit/sbom/wording"
)

// sameBOM compares an SBOM with the one that this version makes: what every reader of
// its format sees of each component. A digest less is no contradiction.
func sameBOM(ctx context.Context, name string, have, want []byte) (problem string) {
	var err error
	list := cycloneDXParts
	if strings.HasSuffix(name, ".spdx.json") {
		list = spdxParts
		_, err = spdx.Read(ctx, have, spdx.JSON, name)
	} else {
		_, err = cyclonedx.Read(ctx, have, cyclonedx.JSON, name)
	}
	if err != nil {
		return fmt.Sprintf("cannot be read: %v", err)
	}
	parts := make([]components, 2)
	for i, data := range [][]byte{have, want} {
		if parts[i], err = list(data); err != nil {
			return fmt.Sprintf("cannot be read: %v", err)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(parts[0].digests)) {
		digests, ok := parts[1].digests[part]
		if !ok {
			return fmt.Sprintf("has %s, and the report does not", part)
		}
		for _, d := range parts[0].digests[part] {
			if !slices.Contains(digests, d) {
				return fmt.Sprintf("has the digest %s of %s, and the report does not", wording.Quote(d), part)
			}
		}
	}
	for _, part := range slices.Sorted(maps.Keys(parts[0].around)) {
		if !parts[1].around[part] {
			return fmt.Sprintf("is of %s, and the report is not", part)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(parts[1].digests)) {
		if _, ok := parts[0].digests[part]; !ok {
			return fmt.Sprintf("does not have %s, and the report does", part)
		}
	}
	return ""
}

// components are those of a document, by what both formats have of them.
type components struct {
	digests map[string][]string
	number  map[string]int
	// around are what the document is of, and the operating system. A version can leave
	// them out, and has no others.
	around map[string]bool
}

// add adds a component. Of several that are alike, the number is in the name.
func (c *components) add(name, version, purl string, digests []string) {
	if c.digests == nil {
		c.digests, c.number = map[string][]string{}, map[string]int{}
	}
	key := partKey(name, version, purl)
	if c.number[key]++; c.number[key] > 1 {
		key = fmt.Sprintf("%s, number %d", key, c.number[key])
	}
	c.digests[key] = digests
}

func (c *components) addAround(name, version, purl string) {
	if c.around == nil {
		c.around = map[string]bool{}
	}
	c.around[partKey(name, version, purl)] = true
}

func partKey(name, version, purl string) string {
	return strconv.Quote(name+" "+version) + " " + strconv.Quote(purl)
}

// cycloneDXParts returns the components of a document, with their digests. The
// operating system and what the document is of are none of them, but what is in them is.
func cycloneDXParts(data []byte) (components, error) {
	type component struct {
		Type, Group, Name, Version, PURL string
		Hashes                           []struct{ Alg, Content string }
		Components                       []component
	}
	var b struct {
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return components{}, err
	}
	var parts components
	var add func([]component)
	add = func(list []component) { // Read has limited the depth
		for _, x := range list {
			if x.Type == "operating-system" {
				parts.addAround(path.Join(x.Group, x.Name), x.Version, x.PURL)
				add(x.Components)
				continue
			}
			var digests []string
			for _, h := range x.Hashes {
				digests = append(digests, h.Alg+":"+h.Content)
			}
			parts.add(path.Join(x.Group, x.Name), x.Version, x.PURL, digests)
			add(x.Components)
		}
	}
	if x := b.Metadata.Component; x.Name != "" {
		parts.addAround(path.Join(x.Group, x.Name), x.Version, x.PURL)
		add(x.Components)
	}
	add(b.Components)
	return parts, nil
}

// spdxParts is cycloneDXParts for SPDX.
func spdxParts(data []byte) (components, error) {
	var doc struct {
		Packages []struct {
			SPDXID, Name, VersionInfo string
			Checksums                 []struct{ Algorithm, ChecksumValue string }
			ExternalRefs              []struct{ ReferenceType, ReferenceLocator string }
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return components{}, err
	}
	var parts components
	for _, x := range doc.Packages {
		var digests, purls []string
		for _, h := range x.Checksums {
			digests = append(digests, h.Algorithm+":"+h.ChecksumValue)
		}
		for _, r := range x.ExternalRefs {
			if r.ReferenceType == "purl" {
				purls = append(purls, r.ReferenceLocator)
			}
		}
		purl := strings.Join(purls, " ")
		if x.SPDXID == "SPDXRef-Environment" || x.SPDXID == "SPDXRef-OperatingSystem" {
			parts.addAround(x.Name, x.VersionInfo, purl)
			continue
		}
		parts.add(x.Name, x.VersionInfo, purl, digests)
	}
	return parts, nil
}
