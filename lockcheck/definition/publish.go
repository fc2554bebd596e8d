package definition

import (
	"slices"
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

// publication is a command that publishes: a program and the words that it must
// have, in their order.
type publication struct {
	program string
	words   string
	// without are words that make it publish nothing.
	without string
}

// publications are the commands that publish. A name of several programs is split
// by "|".
var publications = []publication{
	{"twine", "upload", ""},
	{"uv|poetry|flit|hatch|pdm|maturin|npm|pnpm|bun|cargo|vsce|ovsx|lerna", "publish", "--dry-run"},
	{"maturin|anaconda|dput|snapcraft|luarocks|cabal|stack|twine", "upload", "--dry-run"},
	{"dput|dput-ng|semantic-release|debrelease", "", "--dry-run"},
	{"yarn", "publish", ""},
	{"yarn", "npm publish", ""},
	{"python|python3|setup.py", "setup.py upload", ""},
	{"gem", "push", ""},
	{"rake", "release", ""},
	{"gh", "release create", ""},
	{"gh", "release upload", ""},
	{"gh", "release edit", ""},
	{"glab", "release create", ""},
	{"release-cli", "create", ""},
	{"hub", "release create", ""},
	{"docker|podman|nerdctl", "push", ""},
	{"docker|podman", "image push", ""},
	{"docker|podman", "manifest push", ""},
	{"docker", "compose push", ""},
	{"docker", "buildx imagetools create", "--dry-run"},
	{"buildah|crane|oras|img|nerdctl|cr", "push", ""},
	{"crane", "copy", ""},
	{"crane", "cp", ""},
	{"crane", "append", ""},
	{"crane", "tag", ""},
	{"oras|cosign", "attach", ""},
	{"oras", "cp", ""},
	{"regctl", "image copy", ""},
	{"skopeo", "copy", ""},
	{"skopeo", "sync", ""},
	{"ko", "build", "--local --push=false"},
	{"ko", "publish", "--local"},
	{"ko", "apply", ""},
	{"ko", "resolve", ""},
	{"cosign", "sign", ""},
	{"cosign", "sign-blob", ""},
	{"cosign", "attest", ""},
	{"cosign", "attest-blob", ""},
	{"sigstore", "sign", ""},
	{"gpg|gpg2", "--detach-sign", ""},
	{"gpg|gpg2", "--clearsign", ""},
	{"gpg|gpg2", "--clear-sign", ""},
	{"gpg|gpg2", "--sign", ""},
	{"debsign|rpmsign|signtool|osslsigncode|jarsigner", "", ""},
	{"goreleaser", "release", "--snapshot --skip=publish --skip-publish"},
	{"jreleaser", "full-release", "--dry-run"},
	{"jreleaser", "release", "--dry-run"},
	{"mvn|mvnw", "deploy", ""},
	{"mvn|mvnw", "release:perform", ""},
	{"gradle|gradlew|sbt", "publish*", "publishToMavenLocal publishLocal"},
	{"dotnet", "nuget push", ""},
	{"nuget", "push", ""},
	{"helm", "push", ""},
	{"cr", "upload", ""},
	{"pod", "trunk push", ""},
	{"dart|flutter", "pub publish", "--dry-run"},
	{"mix", "hex.publish", "--dry-run"},
	{"opam", "publish", ""},
	{"conda", "upload", ""},
	{"aws", "s3 cp", "--dryrun"},
	{"aws", "s3 sync", "--dryrun"},
	{"aws", "s3 mv", "--dryrun"},
	{"aws", "s3api put-object", ""},
	{"gsutil", "cp", ""},
	{"gsutil", "rsync", ""},
	{"gcloud", "storage cp", ""},
	{"gcloud", "storage rsync", ""},
	{"gcloud", "app deploy", ""},
	{"gcloud", "run deploy", ""},
	{"az", "storage blob upload", ""},
	{"az", "storage blob upload-batch", ""},
	{"rclone", "copy", "--dry-run"},
	{"rclone", "sync", "--dry-run"},
	{"jf|jfrog", "rt upload", ""},
	{"jf|jfrog", "rt u", ""},
	{"wrangler|netlify|firebase|vercel|flyctl|fly", "deploy", ""},
	{"wrangler", "publish", ""},
	{"xcrun", "notarytool submit", ""},
	{"xcrun", "altool", ""},
	{"fastlane", "", ""},
	{"terraform|tofu", "apply", ""},
	{"kubectl", "apply", "--dry-run"},
	{"helm", "upgrade", "--dry-run"},
	{"git", "push", "--dry-run"},
	{"npx", "semantic-release", "--dry-run"},
	{"npx", "vsce publish", ""},
	{"npx", "lerna publish", ""},
	{"npx", "changeset publish", ""},
	{"changeset", "publish", ""},
	{"rsync|scp|sftp", "*:*", ""},
	{"lftp|ncftpput", "", ""},
	{"curl", "--upload-file", ""},
	{"curl", "-T", ""},
	{"make|just|task|mage|nox|tox|invoke|inv|rake", "publish*", "-n --dry-run"},
	{"make|just|task|mage|invoke|inv", "release*", "-n --dry-run"},
	{"make|just|task|mage|invoke|inv", "deploy*", "-n --dry-run"},
	{"make|just|task|mage|invoke|inv", "upload*", "-n --dry-run"},
	{"make|just|task|mage|invoke|inv", "push*", "-n --dry-run"},
	{"npm|pnpm|yarn|bun", "run publish*", ""},
	{"npm|pnpm|yarn|bun", "run release*", ""},
	{"npm|pnpm|yarn|bun", "run deploy*", ""},
	{"npm|pnpm|yarn|bun", "run semantic-release", ""},
}

// publishes adds a command that publishes.
func (t *toolReader) publishes(c *command, name string) {
	if name == "docker" || name == "podman" {
		// `build --push` and `buildx build --output type=registry`.
		for _, w := range c.words {
			if w.text == "--push" || w.text == "--push=true" || strings.Contains(w.text, "type=registry") || strings.Contains(w.text, "push=true") {
				t.publish(c.at, name+" build --push", false)
				return
			}
		}
	}
	for _, p := range publications {
		if !slices.Contains(strings.Split(p.program, "|"), name) || !p.matches(c) {
			continue
		}
		// A target of that name makes the release when an image is built.
		if t.file.Kind == Dockerfile && strings.HasSuffix(p.words, "*") {
			continue
		}
		by := strings.TrimSpace(name + " " + strings.TrimRight(strings.ReplaceAll(p.words, "*:*", "HOST:"), "*"))
		t.publish(c.at, by, false)
		return
	}
}

// matches reports whether a command has the words of a publication in their order,
// with no other word between them than options, and none that make it publish
// nothing.
func (p publication) matches(c *command) bool {
	for word := range strings.FieldsSeq(p.without) {
		if c.has(word) {
			return false
		}
	}
	want := strings.Fields(p.words)
	if len(want) == 0 {
		return true
	}
	strict := len(want) > 1 || strings.Contains("git docker podman gh aws crane go", p.program)
	i := 0
	for _, w := range c.words[1:] {
		ok := false
		switch prefix, isPrefix := strings.CutSuffix(want[i], "*"); {
		case want[i] == "*:*":
			// A host, and not a drive or a URL of a download.
			k := strings.IndexByte(w.text, ':')
			ok = k > 1 && !strings.HasPrefix(w.text, "-") && !strings.Contains(w.text, "=") && c.words[len(c.words)-1].text == w.text
		case isPrefix:
			// A target in a name space: "images:push". "build:release" is a kind of build.
			ok = strings.HasPrefix(w.text, prefix) || prefix != "release" && strings.Contains(w.text, ":"+prefix)
		default:
			ok = w.text == want[i]
		}
		if ok {
			if i++; i == len(want) {
				return p.remote(c)
			}
		} else if strict && i > 0 && !strings.HasPrefix(w.text, "-") {
			return false
		}
	}
	return false
}

// remote reports whether a copy goes to another host: the last word is its target.
func (p publication) remote(c *command) bool {
	last := c.words[len(c.words)-1]
	scheme := ""
	switch p.program {
	case "aws":
		scheme = "s3://"
	case "gsutil", "gcloud":
		if scheme = "gs://"; strings.HasSuffix(p.words, "deploy") {
			return true
		}
	case "skopeo":
		scheme = "docker://"
	default:
		return true
	}
	if strings.HasPrefix(p.words, "s3api") {
		return true
	}
	for i := len(c.words) - 1; i > 1; i-- {
		if strings.HasPrefix(c.words[i].text, scheme) {
			return i+1 == len(c.words) || strings.HasPrefix(c.words[i+1].text, "-")
		}
	}
	return !last.known
}
