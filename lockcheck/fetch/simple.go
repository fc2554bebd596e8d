package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/depaudit/depaudit/sbom/netguard"
)

// maxSimple is the largest answer of a Python index in bytes: the page of a
// project with 10,000 files has some 10 MB.
const maxSimple = 64 << 20

// A lock of pip has the digests of a release's files and no URLs.
//
// simplePage is the part of a project's page that has them
// (https://packaging.python.org/en/latest/specifications/simple-repository-api/#json-serialization).
type simplePage struct {
	Files []struct {
		Filename string            `json:"filename"`
		URL      string            `json:"url"`
		Hashes   map[string]string `json:"hashes"`
		Size     int64             `json:"size"`
	} `json:"files"`
}

// Simple finds the file of a Python project by its digest in an index
// ("https://pypi.org/simple/"). Of several files it takes the one named file. The
// result has the URL, the size and the one digest of that file. An index that
// answers with HTML only is an error.
func Simple(ctx context.Context, index, project, file string, digests []string, o Options) (Artifact, error) {
	page, err := url.Parse(strings.TrimSuffix(index, "/") + "/" + url.PathEscape(project) + "/")
	if err != nil {
		return Artifact{}, err
	}
	if err := o.Allow(page); err != nil {
		return Artifact{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return Artifact{}, err
	}
	const media = "application/vnd.pypi.simple.v1+json"
	req.Header.Set("Accept", media)
	req.Header.Set("User-Agent", "depaudit")
	resp, err := newFetcher(o).client.Do(req)
	if err != nil {
		return Artifact{}, fmt.Errorf("%s: %w", page.Host, plain(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Artifact{}, fmt.Errorf("%s: %w", page.Host, &statusError{resp.StatusCode})
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), media) {
		return Artifact{}, fmt.Errorf("%s has no pages in JSON (PEP 691)", page.Host)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSimple+1))
	if err != nil {
		return Artifact{}, err
	}
	if len(body) > maxSimple {
		return Artifact{}, &netguard.Refusal{Text: fmt.Sprintf("%s: the page has more than %d bytes", page.Host, maxSimple)}
	}
	var found simplePage
	if err := json.Unmarshal(body, &found); err != nil {
		return Artifact{}, fmt.Errorf("%s: the page of %q: %w", page.Host, project, err)
	}
	locked := map[string]bool{}
	for _, d := range digests {
		locked[strings.ToLower(d)] = true
	}
	var only Artifact
	n := 0
	for _, f := range found.Files {
		digest := "sha256:" + strings.ToLower(f.Hashes["sha256"])
		at, err := page.Parse(f.URL)
		if err != nil || !locked[digest] || f.Size < 0 {
			continue
		}
		at.Fragment = ""
		a := Artifact{URL: at.String(), Size: f.Size, Digests: []string{digest}}
		if f.Filename == file {
			return a, nil
		}
		only = a
		n++
	}
	switch n {
	case 0:
		return Artifact{}, errors.New("the index has no file with a locked digest")
	case 1:
		return only, nil
	}
	return Artifact{}, fmt.Errorf("%d files of the index have a locked digest, and none is named %q", n, file)
}
