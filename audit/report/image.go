package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// remark is a labelled text.
type remark struct{ label, text string }

// about describes the environment: the image, its base, the tool that made the
// document, the limitations.
func (s stage) about() []remark {
	var out []remark
	if i := s.Image; i.Platform != "" || i.Digest != "" || len(i.Layers) > 0 {
		parts := []string{i.Platform, wording.Count(len(i.Layers), "layer", "layers")}
		out = append(out, remark{"image", strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")})
		if hex, ok := strings.CutPrefix(i.Digest, "sha256:"); ok {
			out = append(out, remark{"sha256", hex}) // in one piece on 80 columns
		} else if i.Digest != "" {
			out = append(out, remark{"digest", i.Digest})
		}
	}
	if b := s.Base; b != nil {
		parts := []string{"not known"}
		if b.Known {
			parts = []string{fmt.Sprintf("%d of its %s", b.Present, wording.Count(b.Dependencies, "dependency", "dependencies"))}
			if b.Gone > 0 {
				parts = append(parts, fmt.Sprintf("%d removed", b.Gone))
			}
			if b.Layers > 0 {
				parts = append(parts, wording.Count(b.Layers, "layer", "layers"))
			} else {
				parts = append(parts, "compared by identity")
			}
		}
		if b.Claimed {
			parts = append(parts, "claimed by the image")
		}
		out = append(out, remark{"base", b.Ref + " (" + strings.Join(parts, ", ") + ")"})
	}
	if s.FromDocument() && s.Method.Catalogers != "" {
		out = append(out, remark{"made by", madeBy(s.Method.Catalogers)})
	}
	for _, l := range s.Limitations {
		text := strings.TrimSuffix(string(l.Name)+": "+l.Detail, ": ")
		if l.Accepted {
			text += " (accepted)"
		}
		out = append(out, remark{"limitation", text})
	}
	if d := s.Definition; d != nil {
		out = append(out, remark{"definition", definitionText(d)})
	}
	return out
}

// layer has the dependencies of one layer of an image.
type layer struct {
	number      int
	base        bool
	all         int // dependencies
	fresh       int // not in the baseline
	unaccounted int
	step        string
	digest      string
}

// layers counts the dependencies of each layer; the last one, with the number
// 0, has those whose layer is not known. It returns nil outside of images.
func (s stage) layers() []layer {
	if len(s.Image.Layers) == 0 {
		return nil
	}
	out := make([]layer, len(s.Image.Layers)+1)
	for i, l := range s.Image.Layers {
		out[i] = layer{number: i + 1, base: s.Base != nil && i < s.Base.Layers, step: step(l), digest: cmp.Or(l.Digest, l.DiffID)}
	}
	fresh := map[string]bool{}
	for _, g := range s.Growth.Added {
		fresh[g.ID] = true
		for _, id := range g.Introduces {
			fresh[id] = true
		}
	}
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		if d.Provenance == audit.FromBundled {
			continue
		}
		at := len(s.Image.Layers)
		if d.Layer > 0 && d.Layer <= at {
			at = d.Layer - 1
		}
		out[at].all++
		if fresh[d.ID] {
			out[at].fresh++
		}
		if d.Provenance == audit.FromNowhere {
			out[at].unaccounted++
		}
	}
	if out[len(out)-1].all == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// step returns the build step of a layer, without what builders add to it.
func step(l sbom.Layer) string {
	const shell = "/bin/sh -c "
	s := strings.TrimSuffix(strings.TrimSpace(l.CreatedBy), " # buildkit")
	if rest, ok := strings.CutPrefix(s, shell+"#(nop)"); ok {
		return strings.TrimSpace(rest)
	}
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(s, "RUN "), shell); ok {
		return "RUN " + rest
	}
	return s
}

// layerOf returns the number of a dependency's layer and its step, "" where they
// are not known.
func (s stage) layerOf(id string) (number, text string) {
	d := s.byID[id]
	if d == nil || d.Layer <= 0 || d.Layer > len(s.Image.Layers) {
		return "", ""
	}
	return strconv.Itoa(d.Layer), step(s.Image.Layers[d.Layer-1])
}

// madeBy returns the tool that made an SBOM. The engine of a document of depaudit
// has a version of its own readers.
func madeBy(catalogers string) string {
	if strings.Contains(catalogers, ", readers ") {
		return "depaudit (" + catalogers + ")"
	}
	return catalogers
}
