package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/netguard"
	"github.com/depaudit/depaudit/sbom/registry"
)

// maxAnswer is the maximum size of an engine's message that is read.
const maxAnswer = 64 << 10

// engine is a container engine that listens on a socket of this machine. It uses
// two calls of Docker's API, which Podman supports as well: one for the identity
// of an image and one to export it
// (https://docs.docker.com/reference/api/engine/, ImageInspect and ImageGet).
type engine struct {
	socket string
	client *http.Client
	base   *http.Transport
}

// engineSockets returns the default sockets: Docker, Docker without root, Docker
// Desktop, Podman, Podman without root.
func engineSockets(getenv func(string) string) []string {
	sockets := []string{"/var/run/docker.sock"}
	runtime := getenv("XDG_RUNTIME_DIR")
	if runtime != "" {
		sockets = append(sockets, filepath.Join(runtime, "docker.sock"))
	}
	if home := getenv("HOME"); home != "" {
		sockets = append(sockets, filepath.Join(home, ".docker/run/docker.sock"))
	}
	sockets = append(sockets, "/run/podman/podman.sock")
	if runtime != "" {
		sockets = append(sockets, filepath.Join(runtime, "podman/podman.sock"))
	}
	return sockets
}

// findEngine returns the socket of the engine in the environment variables, or
// the first that exists.
func findEngine(out outside) (string, error) {
	for _, key := range []string{"DOCKER_HOST", "CONTAINER_HOST"} {
		host := out.getenv(key)
		if host == "" {
			continue
		}
		path, ok := strings.CutPrefix(host, "unix://")
		if !ok || !filepath.IsAbs(path) {
			return "", fmt.Errorf("%s is %s, and only an engine on a socket of this machine is asked (unix:///PATH): save the image there, and read it as docker-archive:FILE", key, quote(host))
		}
		return path, nil
	}
	for _, path := range out.sockets {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("no engine listens on this machine: start Docker, or podman system service, or set DOCKER_HOST=unix:///PATH: there is no socket at %s", list(out.sockets))
}

// exportFromEngine makes an engine export an image as a Docker archive, and opens
// the archive.
func exportFromEngine(ctx context.Context, out outside, loc Location, want request) (*tarFiles, error) {
	image, err := engineName(loc)
	if err != nil {
		return nil, err
	}
	socket, err := findEngine(out)
	if err != nil {
		return nil, err
	}
	base := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: netguard.DialTimeout}).DialContext(ctx, "unix", socket)
		},
		ResponseHeaderTimeout: out.engine,
		DisableCompression:    true,
	}
	defer base.CloseIdleConnections()
	e := &engine{socket: socket, base: base, client: &http.Client{
		Transport:     &guardSocket{base, out},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	// Only the identity names one image: a name without a tag means all tags.
	id, err := e.identify(ctx, image, want)
	if err != nil {
		return nil, err
	}
	body, err := e.get(ctx, "/images/"+id+"/get", image, platformQuery(want))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, temp, err := spill(ctx, body, func(written int64) error {
		if written > maxSpill {
			return fmt.Errorf("is larger than %d bytes", int64(maxSpill))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("exporting from %s: %w", socket, err)
	}
	return indexTar(ctx, file, temp)
}

// imageID matches the identity of an image, complete or abbreviated.
var imageID = lazyregexp.New(`^(sha256:[0-9a-f]{64}|[0-9a-f]{12,64})$`)

// engineName returns the name of an image for an engine.
func engineName(loc Location) (string, error) {
	s := loc.Path
	switch {
	case isDigest(loc.Tag) && s == "":
		s = loc.Tag
	case isDigest(loc.Tag):
		s += "@" + loc.Tag
	case loc.Tag != "":
		s += ":" + loc.Tag
	}
	if imageID.MatchString(s) {
		return s, nil
	}
	parsed, err := name.ParseReference(s)
	if err != nil || registry.Climbs(s) {
		return "", fmt.Errorf("%s is not the name of an image: write NAME:TAG, or the image's ID", quote(s))
	}
	if _, ok := parsed.(name.Tag); ok && lastPart(s) == "" {
		s += ":" + name.DefaultTag
	}
	return s, nil
}

// platformQuery selects one platform of an image in an engine that may have
// several. Engines without this parameter ignore it, and the result is checked.
func platformQuery(want request) url.Values {
	if !want.named {
		return nil
	}
	p := map[string]string{"os": want.os, "architecture": want.arch}
	if want.variant != "" {
		p["variant"] = want.variant
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil // a map of strings always has a JSON form
	}
	return url.Values{"platform": {string(text)}}
}

func (e *engine) identify(ctx context.Context, image string, want request) (string, error) {
	body, err := e.get(ctx, "/images/"+image+"/json", image, platformQuery(want))
	if err != nil {
		return "", err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxConfig))
	if err != nil {
		return "", fmt.Errorf("%s: %w", e.socket, err)
	}
	var answer struct {
		ID string `json:"Id"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return "", fmt.Errorf("what listens on %s is not a container engine: %w", e.socket, err)
	}
	if !imageID.MatchString(answer.ID) {
		return "", fmt.Errorf("what listens on %s is not a container engine: it gives the image's identity as %s", e.socket, quote(answer.ID))
	}
	return answer.ID, nil
}

// get makes one request. All parts of the path were validated.
func (e *engine) get(ctx context.Context, path, image string, query url.Values) (io.ReadCloser, error) {
	u := url.URL{Scheme: "http", Host: "engine", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := e.client.Do(req)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("the engine's socket %s may not be used: run as a user who may (often one of the group docker): %w", e.socket, os.ErrPermission)
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &registry.Error{Text: fmt.Sprintf("no engine answers on %s: %s", e.socket, printable(registry.Innermost(err), registry.MaxSaid)), Cause: err}
	case resp.StatusCode == http.StatusOK:
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, e.refused(resp, image)
}

// refused returns the error of an engine's answer.
func (e *engine) refused(resp *http.Response, image string) error {
	var answer struct {
		Message string `json:"message"`
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		// If there is no message in it, the status is enough.
		_ = json.Unmarshal(data, &answer)
	}
	text := fmt.Sprintf("the engine on %s answers with status %d", e.socket, resp.StatusCode)
	if resp.StatusCode == http.StatusNotFound {
		text = fmt.Sprintf("the engine on %s has no image %s: pull it, or read it from its registry with registry:%s", e.socket, quote(image), image)
	}
	if said := printable(answer.Message, registry.MaxSaid); said != "" {
		text += fmt.Sprintf(": it says %q", said)
	}
	return errors.New(text)
}

// guardSocket ends an answer whose body stalls.
type guardSocket struct {
	base http.RoundTripper
	out  outside
}

func (g *guardSocket) RoundTrip(req *http.Request) (*http.Response, error) {
	return netguard.RoundTrip(g.base, req, g.out.idle, -1)
}
