package definition

import (
	"strings"
)

// publishers are the actions that publish, by OWNER/REPOSITORY in lower case, with
// the input that makes them do so; "" is always.
var publishers = map[string][]string{
	"actions/attest":                               nil,
	"actions/attest-build-provenance":              nil,
	"actions/attest-sbom":                          nil,
	"actions/create-release":                       nil,
	"actions/deploy-pages":                         nil,
	"actions/upload-release-asset":                 nil,
	"akhilerm/tag-push-action":                     nil,
	"changesets/action":                            {"publish"},
	"chetan/git-restore-mtime-action":              nil,
	"crazy-max/ghaction-github-pages":              nil,
	"crazy-max/ghaction-github-release":            nil,
	"cycjimmy/semantic-release-action":             nil,
	"docker/bake-action":                           {"push"},
	"docker/build-push-action":                     {"push"},
	"goreleaser/goreleaser-action":                 nil,
	"googleapis/release-please-action":             nil,
	"google-github-actions/release-please-action":  nil,
	"helm/chart-releaser-action":                   nil,
	"jamesives/github-pages-deploy-action":         nil,
	"jreleaser/release-action":                     nil,
	"js-devtools/npm-publish":                      nil,
	"katyo/publish-crates":                         nil,
	"marvinpinto/action-automatic-releases":        nil,
	"mathieudutour/github-tag-action":              nil,
	"ncipollo/release-action":                      nil,
	"peaceiris/actions-gh-pages":                   nil,
	"pypa/gh-action-pypi-publish":                  nil,
	"python-semantic-release/publish-action":       nil,
	"python-semantic-release/upload-to-gh-release": nil,
	"redhat-actions/push-to-registry":              nil,
	"release-drafter/release-drafter":              nil,
	"rubygems/release-gem":                         nil,
	"shogo82148/actions-upload-release-asset":      nil,
	"sigstore/gh-action-sigstore-python":           nil,
	"slsa-framework/slsa-github-generator":         {"upload-assets"},
	"softprops/action-gh-release":                  nil,
	"svenstaro/upload-release-action":              nil,
	"tauri-apps/tauri-action":                      nil,
	"wangyoucao577/go-release-action":              nil,
	"xresloader/upload-to-github-release":          nil,
}

// actionPublishes adds the action of a step that publishes. A value that is an
// expression can be true.
func (b *jobBuilder) actionPublishes(u Use, with map[string]string, at Position) {
	name := lower(u.FullName())
	inputs, ok := publishers[name]
	if !ok {
		return
	}
	switch name {
	case "goreleaser/goreleaser-action":
		args := with["args"]
		if strings.Contains(args, "--snapshot") || strings.Contains(args, "--skip=publish") || strings.Contains(args, "--skip-publish") || !strings.Contains(args, "release") {
			return
		}
	case "docker/build-push-action", "docker/bake-action":
		outputs := with["outputs"] + with["set"]
		if strings.Contains(outputs, "push=true") || strings.Contains(outputs, "type=registry") {
			inputs = nil
		}
	}
	enabled := len(inputs) == 0
	for _, input := range inputs {
		if v := strings.TrimSpace(with[input]); v != "" && v != "false" {
			enabled = true
		}
	}
	if enabled {
		b.publish(at, u.FullName(), false)
	}
}

// callPublishes adds a reusable workflow of another repository that publishes.
func (b *jobBuilder) callPublishes(at Position, uses string, with *node) {
	inputs := map[string]string{}
	if with != nil {
		for _, m := range with.members {
			inputs[m.key] = m.value.text
		}
	}
	b.actionPublishes(action(uses, UseWorkflow), inputs, at)
}
