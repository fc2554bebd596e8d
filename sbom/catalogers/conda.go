package catalogers

import (
	"net/url"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom"
)

// condaRecord sets the type of a package of conda, and what conda recorded of a package: the digests of its artifact,
// its URL and its build, which a package URL has in qualifiers
// (https://github.com/package-url/purl-spec, types/conda-definition.json).
func condaRecord(f *Found, m pkg.CondaMetaPackage) {
	f.Type = packageurl.TypeConda // syft has none for it
	for _, d := range []sbom.Digest{{Algorithm: "sha256", Value: m.SHA256}, {Algorithm: "md5", Value: m.MD5}} {
		if v, ok := hexDigest(d.Value); ok {
			d.Value, d.File = v, f.Path
			f.Digests = append(f.Digests, d)
		}
	}
	if from := condaURL(m.URL); from != "" {
		f.Install = &sbom.Install{Kind: sbom.InstallRegistry, URL: from, File: f.Path}
		if strings.HasPrefix(from, "file:") {
			f.Install.Kind = sbom.InstallURL
		}
	}
	var qualifiers packageurl.Qualifiers
	for _, q := range []packageurl.Qualifier{{Key: "build", Value: m.Build}, {Key: "subdir", Value: m.Subdir}} {
		if q.Value != "" {
			qualifiers = append(qualifiers, q)
		}
	}
	f.PURL = packageurl.NewPackageURL(packageurl.TypeConda, "", f.Name, f.Version, qualifiers, "").ToString()
}

// condaURL returns the URL of a record without what can be secret: the user, the
// query and the token of a channel ("/t/TOKEN/", conda's common/url.py). A text
// that is no URL is none.
func condaURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Scheme != "file" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	if rest, ok := strings.CutPrefix(u.Path, "/t/"); ok {
		if _, channel, ok := strings.Cut(rest, "/"); ok {
			u.Path, u.RawPath = "/"+channel, ""
		}
	}
	return u.String()
}
