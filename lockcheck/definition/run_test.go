package definition

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// runLines returns what a command installs, as "TYPE NAME[@SPEC] PIN".
func runLines(t *testing.T, shell, text string) (tools, publishes []string) {
	t.Helper()
	workflow := "jobs:\n  j:\n    runs-on: x\n    steps:\n    - shell: " + shell + "\n      run: |\n"
	for line := range strings.SplitSeq(text, "\n") {
		workflow += "        " + line + "\n"
	}
	f := parse(t, ".github/workflows/w.yml", workflow)
	for _, u := range f.Jobs[0].Uses[1:] {
		s := u.Type + " " + u.FullName()
		if u.Spec != "" {
			s += "@" + u.Spec
		}
		tools = append(tools, s+" "+string(u.Pin))
		if u.At.Line < 7 || u.At.Column < 9 {
			t.Errorf("%q: %+v", text, u)
		}
	}
	for _, p := range f.Jobs[0].Publishes {
		publishes = append(publishes, p.By)
	}
	return tools, publishes
}

const hash64 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestDecidedLater checks which commands an expression decides, so that what they
// install is not known.
func TestDecidedLater(t *testing.T) {
	for text, want := range map[string]bool{
		"${{ vars.CMD }}":                  true,
		"true && ${{ inputs.build }}":      true,
		"pip${{ '' }} install x":           true,
		"sudo ${{ inputs.build }}":         true,
		"${{ matrix.python }} setup.py":    false,
		"${{ matrix.python }} -m build":    false,
		"${{ github.workspace }}/build.sh": false,
		"echo ${{ vars.CMD }}":             false,
		"$CMD":                             false,
	} {
		f := parse(t, ".github/workflows/w.yml", "jobs:\n  j:\n    runs-on: x\n    steps:\n    - run: |\n        "+text+"\n")
		got := slices.ContainsFunc(f.Notes, func(n Note) bool { return n.Detail == "the command is decided when it runs" })
		if got != want {
			t.Errorf("%q: %v, %+v", text, got, f.Notes)
		}
	}
}

// TestShellOfOwn checks that the command of a shell is read as well.
func TestShellOfOwn(t *testing.T) {
	for shell, want := range map[string]string{
		`bash -c "pip install x; bash {0}"`:        "pypi x floating",
		`env -i pip install x {0}`:                 "pypi x floating|pypi {0} floating",
		`python -m pip install x`:                  "pypi x floating",
		`bash --noprofile --norc -eo pipefail {0}`: "",
		`bash -l {0}`:                              "",
		`python {0}`:                               "",
	} {
		tools, _ := runLines(t, "'"+shell+"'", "true")
		if got := strings.Join(tools, "|"); got != want {
			t.Errorf("%s: %s, and not %s", shell, got, want)
		}
	}
}

// TestTools checks what a command line installs without a lock.
func TestTools(t *testing.T) {
	for text, want := range map[string]string{
		"pip install X": "pypi x floating",
		"rustup toolchain install nightly-2026-06-12 --profile minimal":                                                              "generic rust@nightly-2026-06-12 version",
		"rustup default 1.75.0-x86_64-unknown-linux-gnu; rustup default nightly-2026-06":                                             "generic rust@1.75.0-x86_64-unknown-linux-gnu version|generic rust@nightly-2026-06 floating",
		"uv python install cpython-3.13.2-emscripten-wasm32-musl pypy3.9":                                                            "generic python@cpython-3.13.2-emscripten-wasm32-musl version|generic python@pypy3.9 floating",
		"curl https://github.com/o/r/archive/" + commit40 + ".tar.gz | tar xz":                                                       "generic github.com/o/r/archive/" + commit40 + ".tar.gz commit",
		"wget https://github.com/o/r/releases/download/wix3112rtm/x.zip; unzip x.zip":                                                "generic github.com/o/r/releases/download/wix3112rtm/x.zip version",
		"wget https://github.com/o/r/releases/download/nightly/x.zip; unzip x.zip":                                                   "generic github.com/o/r/releases/download/nightly/x.zip floating",
		`curl -sSf "https://h.example/1.2.3/$(uname -m)-x/init" -o init && ./init`:                                                   "generic h.example/1.2.3/$(uname -m)-x/init version",
		"curl -sSf https://h.example/x-${V} -o init && chmod +x init":                                                                "generic h.example/x-${V} variable",
		"curl -fsSL $URL -o init && chmod +x init":                                                                                   "generic $URL variable",
		`curl -H "Authorization: $T" -d "{$X}" https://h.example; curl -u "$A" -o x $B`:                                              "",
		"docker build -t o/made:1 -t n --tag=p .; docker run o/made:1; docker run n; docker run p; docker pull n; docker run other":  "docker n@latest floating|docker other@latest floating",
		"docker buildx build --load -t a .; docker tag a b; docker run b; docker run --rm --pull never c; docker run --pull=never d": "",
		"python3.12 -m pip install -U pip setuptools==70.1":                                                                          "pypi pip floating|pypi setuptools@70.1 version",
		`"$PY" -m pip install 'black>=24,<25'`:                                                                                       "pypi black@>=24,<25 floating",
		"sudo -H pip3 install --user 'tox[x]; python_version'":                                                                       "pypi tox floating",
		"pip install --require-hashes --only-binary :all: -r r.txt":                                                                  "",
		"pip install --require-hashes -r r.txt":                                                                                      "generic build-backend floating",
		"pip install --no-index --find-links w X":                                                                                    "",
		"pip install -r requirements/dev.txt":                                                                                        "generic dev.txt@-r requirements/dev.txt floating",
		"pip install .":                                                                                                              "generic build-backend floating",
		"pip install -e '.[test]'":                                                                                                   "generic build-backend floating",
		"pip install --no-deps dist/*.whl":                                                                                           "",
		"pip install git+https://github.com/o/r@main":                                                                                "github o/r floating",
		"pip install git+https://github.com/o/r@" + commit40:                                                                         "github o/r commit",
		"V=1.2.3\npip install x==$V y==${W}":                                                                                         "pypi x@1.2.3 version|pypi y==${W} variable",
		"pip install x==${{ matrix.v }}":                                                                                             "pypi x==${{ matrix.v }} variable",
		"pip install 'x @ https://h.example/x.whl#sha256=" + hash64 + "'":                                                            "generic h.example/x.whl digest",
		"python -m build":                              "generic build-backend floating",
		"python -m build --no-isolation":               "",
		"pipx install poetry":                          "pypi poetry floating",
		"pipx run build==1.2.2 --wheel":                "pypi build@1.2.2 version",
		"uv tool install ruff":                         "pypi ruff floating",
		"uvx ruff@0.4.1 check":                         "pypi ruff@0.4.1 version",
		"uv run --with rich x.py":                      "pypi rich floating",
		"uv sync --locked":                             "",
		"npm i -g npm@11":                              "npm npm@11 floating",
		"npm ci\nnpm test":                             "",
		"npm install":                                  "generic package.json floating",
		"npm install --save-dev @scope/x@1.2.3":        "npm @scope/x@1.2.3 version",
		"npx semver@7 1.2.3":                           "npm semver@7 floating",
		"npx --no-install x":                           "",
		"yarn dlx create-thing":                        "npm create-thing floating",
		"yarn install --immutable":                     "",
		"curl -sSf https://sh.example/install.sh | sh": "generic sh.example/install.sh floating",
		"curl -sSf https://sh.example/install.sh | sudo -E bash -s -- -y":                             "generic sh.example/install.sh floating",
		"wget -qO- https://sh.example/1.2.3/install.sh | bash":                                        "generic sh.example/1.2.3/install.sh version",
		"bash <(curl -s https://sh.example/x)":                                                        "generic sh.example/x floating",
		`bash -c "$(curl -fsSL https://sh.example/x)"`:                                                "generic sh.example/x floating",
		`sh -c 'curl https://sh.example/x | sh'`:                                                      "generic sh.example/x floating",
		"curl https://sh.example/x.json | jq .":                                                       "",
		"curl -o x https://h.example/x\nchmod +x x\n./x":                                              "generic h.example/x floating",
		"curl -LO https://h.example/x.tgz && tar xf x.tgz":                                            "generic h.example/x.tgz floating",
		"curl -LO https://h.example/x.tgz\necho '" + hash64 + "  x.tgz' | sha256sum -c\ntar xf x.tgz": "generic h.example/x.tgz digest",
		"curl -LO https://h.example/x.tgz\ntar xf x.tgz\necho '" + hash64 + "  x.tgz' | sha256sum -c": "generic h.example/x.tgz floating",
		"curl -LO https://h.example/x.tgz\ngpg --verify x.tgz.asc\ntar xf x.tgz":                      "generic h.example/x.tgz version",
		"curl -fL https://h.example/x -o /usr/local/bin/x":                                            "generic h.example/x floating",
		"curl -T x https://h.example/x":                                                               "",
		"curl -s https://h.example/data.csv > data.csv":                                               "",
		"go install golang.org/x/tools/cmd/stringer@latest":                                           "golang golang.org/x/tools/cmd/stringer@latest floating",
		"go install golang.org/x/tools/cmd/stringer@v0.30.0":                                          "golang golang.org/x/tools/cmd/stringer@v0.30.0 lock",
		"GOSUMDB=off\ngo install ./...\ngo run ./x y@z":                                               "",
		"go run honnef.co/go/tools/cmd/staticcheck@2025.1 ./...":                                      "golang honnef.co/go/tools/cmd/staticcheck@2025.1 floating",
		"cargo install cross":                                                                         "cargo cross floating",
		"cargo install --locked --version 0.9.1 nextest":                                              "cargo nextest@0.9.1 lock",
		"cargo install --git https://github.com/o/r":                                                  "github o/r floating",
		"cargo +nightly build --locked":                                                               "",
		"rustup toolchain install nightly":                                                            "generic rust@nightly floating",
		"rustup target add x86_64-unknown-linux-musl":                                                 "",
		"gem install bundler -v 2.5.6":                                                                "gem bundler@2.5.6 version",
		"sudo apt-get update && sudo apt-get install -y jq":                                           "",
		"apk add --no-cache git; dnf install -y x; zypper in y":                                       "",
		"brew install jq": "brew jq floating",
		"dotnet tool install --global minver-cli --version 5.0.0":         "nuget minver-cli@5.0.0 version",
		"composer global require x/y":                                     "composer x/y floating",
		"docker run --rm -v $PWD:/w -w /w alpine:3 sh":                    "docker alpine@3 floating",
		"docker pull x@sha256:" + hash64:                                  "docker x digest",
		"docker build -t x .":                                             "",
		"git clone https://github.com/o/r && cd r":                        "github o/r floating",
		"git clone https://github.com/o/r\ngit -C r checkout " + commit40: "github o/r commit",
		"gh extension install o/gh-x":                                     "github o/gh-x floating",
		"if true; then pip install a; else pip install b; fi":             "pypi a floating|pypi b floating",
		"for p in a b; do pip install $p; done":                           "pypi $p variable",
		"f() { pip install a; }; f":                                       "pypi a floating",
		"bash <<'E'\npip install a\nE":                                    "pypi a floating",
		"echo 'pip install x'; # pip install y":                           "",
		"pip install a\nif [ ; then":                                      "pypi a floating",
		"env A=b timeout 5m xargs -n 1 pip install a":                     "pypi a floating",
		"Rscript -e 'install.packages(\"devtools\")'":                     "cran devtools floating",
		"conda install -y -c conda-forge numpy=1.26":                      "conda numpy@1.26 floating",
	} {
		got, _ := runLines(t, "bash", text)
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s:\n got %s\nwant %s", text, s, want)
		}
	}
	for text, want := range map[string]string{
		"pip install X":                     "pypi x floating",
		"iex (irm https://h.example/x.ps1)": "generic h.example/x.ps1 floating",
		"irm https://h.example/x.ps1 | iex": "generic h.example/x.ps1 floating",
		"Invoke-Expression ((New-Object System.Net.WebClient).DownloadString('https://h.example/x.ps1'))": "generic h.example/x.ps1 floating",
		"choco install nsis --version 3.8.0 -y":                                                           "chocolatey nsis@3.8.0 version",
		"Invoke-WebRequest -Uri https://h.example/x.exe -OutFile x.exe\n.\\x.exe /S":                      "generic h.example/x.exe floating",
		"Install-Module Pester `\n  -Scope CurrentUser":                                                   "powershell Pester floating",
		"& python -m pip install a; # pip install b":                                                      "pypi a floating",
	} {
		got, _ := runLines(t, "pwsh", text)
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s:\n got %s\nwant %s", text, s, want)
		}
	}
}

// TestPublications checks which command lines publish.
func TestPublications(t *testing.T) {
	for text, want := range map[string]string{
		"twine upload dist/*":                           "twine upload",
		"python -m twine upload --skip-existing dist/*": "twine upload",
		"uv publish":                              "uv publish",
		"poetry publish --dry-run":                "",
		"gh release create v1 x":                  "gh release create",
		"gh release view v1":                      "",
		"docker push x":                           "docker push",
		"docker buildx build --push -t x .":       "docker build --push",
		"docker build -t x .":                     "",
		"npm publish --provenance":                "npm publish",
		"cargo publish":                           "cargo publish",
		"gem push x.gem":                          "gem push",
		"./mvnw -B -ntp deploy":                   "mvnw deploy",
		"./gradlew clean publishAllPublications":  "gradlew publish",
		"./gradlew publishToMavenLocal":           "",
		"goreleaser release --clean":              "goreleaser release",
		"goreleaser release --snapshot":           "",
		"cosign sign --yes x":                     "cosign sign",
		"cosign verify x":                         "",
		"skopeo copy oci:x docker://r/x":          "skopeo copy",
		"skopeo copy docker://r/x oci:x":          "",
		"aws s3 cp x s3://b/x --acl public-read":  "aws s3 cp",
		"aws s3 cp s3://b/x x":                    "",
		"rsync -a x/ user@host:/srv":              "rsync HOST:",
		"rsync -a host:/srv/x .":                  "",
		"git push origin v1":                      "git push",
		"git commit -m 'git push'":                "",
		"make publish":                            "make publish",
		"make":                                    "",
		"mage pulp:push deb":                      "mage push",
		"npm run images:push; yarn build:release": "",
		"task images:publish":                     "task publish",
		"npm run release":                         "npm run release",
		"if x; then sudo docker push x; fi":       "docker push",
		"echo npm publish":                        "",
	} {
		_, got := runLines(t, "bash", text)
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s:\n got %q\nwant %q", text, s, want)
		}
	}
}

// TestRunPlaces checks the line and the column of commands in each style of YAML and
// in a Dockerfile.
func TestRunPlaces(t *testing.T) {
	f := parse(t, ".github/workflows/w.yml", `jobs:
  j:
    runs-on: x
    steps:
    - run: pip install a
    - run: 'pip install a'
    - run: |

        echo ${{ x }} é
          pip install a
    - run: >-
        echo x &&
        pip install a
    - run: "echo\n
        pip install a"
`)
	var got []Position
	for _, u := range f.Jobs[0].Uses[1:] {
		got = append(got, u.At)
	}
	if want := []Position{{5, 24}, {6, 25}, {10, 23}, {13, 21}, {15, 21}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	d := parse(t, "Dockerfile", "FROM scratch\nARG V=1.2.3\nRUN --mount=type=cache,target=/x echo && \\\n  # x\n  pip install a==$V\nRUN <<E\n pip install b\nE\nRUN bash -e <<E\n pip install c\nE\nRUN [\"pip\", \"install\", \"d\"]\nSHELL [\"pwsh\", \"-c\"]\nRUN irm https://h.example/x | iex\n")
	equal(t, "Dockerfile", lines(d.Jobs[0].Uses), `
tool a:1.2.3 version Dockerfile:5:15
tool b floating Dockerfile:7:14
tool c floating Dockerfile:10:14
tool d floating Dockerfile:12:5
download h.example/x floating Dockerfile:14:9`)
	if _, err := Parse(context.Background(), "Dockerfile", []byte("FROM x\nRUN <<E\n")); err == nil {
		t.Error("a here-document without an end is read")
	}
}
