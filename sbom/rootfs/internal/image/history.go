package image

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The pre-defined annotations for an image's base
// (https://github.com/opencontainers/image-spec/blob/main/annotations.md).
const (
	annotationBaseName   = "org.opencontainers.image.base.name"
	annotationBaseDigest = "org.opencontainers.image.base.digest"
)

// describe adds the image's metadata about its layers and its base.
func (i *Image) describe(c *v1.ConfigFile, manifest, index map[string]string) {
	steps, err := layerSteps(c.History, len(i.Layers))
	if err != nil {
		i.Notes = append(i.Notes, err.Error())
	}
	for n, step := range steps {
		i.Layers[n].CreatedBy = step
	}
	i.Env = c.Config.Env
	i.base(manifest, "manifest")
	i.base(index, "index")
	i.base(c.Config.Labels, "labels")
	for _, l := range i.Layers {
		i.Meta.Layers = append(i.Meta.Layers, l.Layer)
	}
}

// base sets the image's base from annotations, unless it is known. Name and
// digest are taken from one source, so that they belong together.
func (i *Image) base(annotations map[string]string, from string) {
	name, digest := annotations[annotationBaseName], annotations[annotationBaseDigest]
	if i.BaseFrom != "" || name == "" && digest == "" {
		return
	}
	if digest != "" && !isDigest(digest) {
		i.Notes = append(i.Notes, fmt.Sprintf("%s in the %s is %s, which is no digest: it was left out", annotationBaseDigest, from, quote(digest)))
		digest = ""
	}
	if len(name) > maxText {
		i.Notes = append(i.Notes, fmt.Sprintf("%s in the %s has %d bytes: it was left out", annotationBaseName, from, len(name)))
		name = ""
	}
	if name != "" || digest != "" {
		i.Meta.BaseName, i.Meta.BaseDigest, i.BaseFrom = name, digest, from
	}
}

// layerSteps returns the build steps of the layers. Each entry of the history is
// that of a layer, except those that are marked as empty. If their number
// differs from that of the layers, the assignment is unknown.
func layerSteps(history []v1.History, layers int) ([]string, error) {
	if len(history) == 0 {
		return nil, nil
	}
	var steps []string
	for _, h := range history {
		if !h.EmptyLayer {
			steps = append(steps, trimStep(h.CreatedBy))
		}
	}
	if len(steps) != layers {
		return nil, fmt.Errorf("the history of the image has %d steps with a layer, and there are %d layers: which step made which layer is not known", len(steps), layers)
	}
	return steps, nil
}

// instruction matches the start of an instruction of a Dockerfile that creates a
// layer or a setting (https://docs.docker.com/reference/dockerfile/).
var instruction = lazyregexp.New(`^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR) `)

// trimStep reduces a build step to the text of the image's author. The classic
// builder writes instructions that run nothing as a comment of a shell, and
// BuildKit marks each of its steps. A step that is not an instruction without
// these is unchanged.
func trimStep(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "/bin/sh -c #(nop)"); ok {
		if rest = strings.TrimSpace(rest); instruction.MatchString(rest) {
			s = rest
		}
	} else if rest, ok := strings.CutSuffix(s, " # buildkit"); ok && instruction.MatchString(rest) {
		s = strings.TrimSpace(rest)
	}
	return cut(s, maxText)
}
