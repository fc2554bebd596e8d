// Package fetch downloads artifacts that locks and indexes name by digest.
//
// # What is trusted
//
// Nothing but the digest: it is computed while the bytes arrive, and what does
// not have it is not kept. The host is checked for another reason: a name in a
// lock must not make the machine talk to a host that its owner did not choose.
// Plain http is allowed where the entry has it, as mirrors of Debian do, since
// the digest decides.
//
// # What is on disk
//
// An artifact is at DIRECTORY/HOST/PATH, as the server has it. It is written to a
// file beside it, whose name has the digest and ends in ".part", and is renamed
// when it is complete and right. A part of an earlier run is continued where the
// server can do that, and never believed: its digest is computed anew.
package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/depaudit/depaudit/sbom/netguard"
)

// MaxSize is the largest artifact in bytes that is downloaded when its entry has
// no size: the largest wheels and packages have some 3 GB.
const MaxSize = 8 << 30

// parallel is the number of downloads at a time: more do not make a mirror
// faster, and some refuse them.
const parallel = 4

// attempts is how often a download is tried before its error counts, and pause
// is the time before the second attempt; it doubles.
const (
	attempts = 3
	pause    = time.Second
)

// Artifact is what an entry names.
type Artifact struct {
	// URL is where it is.
	URL string
	// Size in bytes, 0 when the entry does not have it.
	Size int64
	// Digests are of its bytes: "sha256:", "sha384:" or "sha512:" and
	// hexadecimal; others are ignored. Of several of one algorithm one must be
	// right, and one of each algorithm.
	Digests []string
	// Check, if set, compares a downloaded file with the digests that are not of
	// its bytes. Without one of its bytes, Check alone decides.
	Check func(file string) error
}

// sums returns what computes the digests of the bytes, nil when nothing can
// identify them.
func (a Artifact) sums() *sums {
	s := newSums(a.Digests)
	if s == nil && a.Check != nil {
		s = new(sums)
	}
	return s
}

// Options are the surroundings of [Run].
type Options struct {
	// Directory is where artifacts are kept.
	Directory string
	// Allow returns an error for a URL that must not be requested. It is called
	// for each artifact before the first request, and again for redirects that
	// leave the host.
	Allow func(*url.URL) error
	// Progress, if set, is called from several goroutines, one call at a time.
	Progress func(Progress)
	// Transport makes the requests, nil for one of this package.
	Transport http.RoundTripper

	idle, pause time.Duration // for tests, 0 for the constants
}

// Progress is the state of a run.
type Progress struct {
	// Done of Total artifacts, and Bytes of Size; Size grows with artifacts whose
	// size only the server knows.
	Done, Total int
	Bytes, Size int64
	// File is the name of the artifact that was begun or ended last.
	File string
}

// Result is the outcome for one artifact.
type Result struct {
	Artifact
	// Path is where it is, also when it was there before; empty after an error.
	Path string
	// Had is true for an artifact that was there before.
	Had bool
	// Bytes is its size on disk.
	Bytes int64
	Err   error
}

// Run downloads artifacts and returns their results in the same order. Its own
// error is that of the context, or of the directory.
func Run(ctx context.Context, list []Artifact, o Options) ([]Result, error) {
	if err := os.MkdirAll(o.Directory, 0o777); err != nil {
		return nil, err
	}
	f := newFetcher(o)
	f.progress.Total = len(list)
	out := make([]Result, len(list))
	for i, a := range list {
		out[i].Artifact = a
		f.progress.Size += a.Size
		f.places[f.place(a)] = new(sync.Mutex)
	}
	work := make(chan int)
	var group sync.WaitGroup
	for range min(parallel, max(len(list), 1)) {
		group.Go(func() {
			for i := range work {
				f.one(ctx, &out[i])
			}
		})
	}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		work <- i
	}
	close(work)
	group.Wait()
	return out, ctx.Err()
}

// transport asks for bytes as they are: an archive that a server compresses on
// its way would have another digest.
func transport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: netguard.DialTimeout}).DialContext,
		TLSHandshakeTimeout:   netguard.DialTimeout,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: netguard.HeaderTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   parallel,
	}
}

// guarded ends an answer that stalls.
type guarded struct {
	base http.RoundTripper
	idle time.Duration
}

func (g guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	return netguard.RoundTrip(g.base, req, g.idle, -1)
}

type fetcher struct {
	options Options
	client  *http.Client

	mu       sync.Mutex
	progress Progress
	// places has a lock for each path: two entries may name one file.
	places map[string]*sync.Mutex
}

func newFetcher(o Options) *fetcher {
	f := &fetcher{options: o, places: map[string]*sync.Mutex{}}
	base := guarded{cmp.Or[http.RoundTripper](o.Transport, transport()), cmp.Or(o.idle, netguard.IdleTimeout)}
	f.client = &http.Client{Transport: base, CheckRedirect: f.redirect}
	return f
}

// advance changes the progress and reports it.
func (f *fetcher) advance(change func(*Progress)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.progress)
	if f.options.Progress != nil {
		f.options.Progress(f.progress)
	}
}

// redirect returns an error for a redirect that must not be followed.
func (f *fetcher) redirect(req *http.Request, via []*http.Request) error {
	first, from := via[0].URL, via[len(via)-1].URL
	switch {
	case len(via) >= netguard.MaxRedirects:
		return &netguard.Refusal{Text: fmt.Sprintf("more than %d redirects", netguard.MaxRedirects)}
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return &netguard.Refusal{Text: fmt.Sprintf("a redirect from https to %q", req.URL.Scheme)}
	case req.URL.Host == first.Host && (req.URL.Scheme == "http" || req.URL.Scheme == "https"):
		return nil
	case f.options.Allow(req.URL) == nil:
		return nil
	case req.URL.Scheme != "https":
		return &netguard.Refusal{Text: fmt.Sprintf("a redirect to another server, %q, and not over https", req.URL.Host)}
	case netguard.IsPrivate(req.URL.Host):
		return &netguard.Refusal{Text: fmt.Sprintf("a redirect to %q, an address of this machine or of a private network", req.URL.Host)}
	}
	return nil
}

// place is the path of an artifact.
func (f *fetcher) place(a Artifact) string {
	u, err := url.Parse(a.URL)
	if err != nil {
		return ""
	}
	place := []string{f.options.Directory, component(u.Host)}
	for _, c := range strings.Split(path.Clean("/" + u.Path)[1:], "/") {
		place = append(place, component(c))
	}
	return filepath.Join(place...)
}

// maxName is the longest name of a file in bytes that common file systems allow,
// with room for the end of an unfinished one's.
const maxName = 200

// component makes a name that no file system reads as something else.
func component(s string) string {
	s = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	if len(s) > maxName {
		sum := sha256.Sum256([]byte(s))
		s = hex.EncodeToString(sum[:8]) + "-" + s[len(s)-maxName/2:]
	}
	if strings.HasPrefix(s, ".") {
		s = "%2E" + s[1:]
	}
	return s
}

// one gets one artifact.
func (f *fetcher) one(ctx context.Context, r *Result) {
	u, err := url.Parse(r.URL)
	sums := r.sums()
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.Err = fmt.Errorf("not a URL of http or https: %q", r.URL)
	case sums == nil:
		r.Err = errors.New("the entry has no digest that is sha256 or stronger")
	default:
		r.Err = f.options.Allow(u)
	}
	if r.Err == nil {
		place := f.place(r.Artifact)
		f.places[place].Lock()
		r.Bytes, r.Had, r.Err = f.get(ctx, place, r.Artifact)
		f.places[place].Unlock()
		if r.Err == nil {
			r.Path = place
		}
	}
	f.advance(func(p *Progress) {
		p.Done++
		p.File = path.Base(r.URL)
		if r.Had {
			p.Bytes += r.Size
		}
	})
}

// get returns the size of an artifact, and whether it was there before.
func (f *fetcher) get(ctx context.Context, place string, a Artifact) (size int64, had bool, err error) {
	if size, err := verify(place, a); err == nil {
		return size, true, nil
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		return 0, false, err
	}
	id := sha256.Sum256([]byte(strings.Join(a.Digests, " ")))
	part := filepath.Join(filepath.Dir(place), "."+hex.EncodeToString(id[:16])+".part")
	wait := cmp.Or(f.options.pause, pause)
	for n := 1; ; n++ {
		size, err = f.download(ctx, part, a)
		if err == nil {
			return size, false, os.Rename(part, place)
		}
		var answer *statusError
		var refused *netguard.Refusal
		final := errors.As(err, &refused) || errors.As(err, &answer) && !answer.passing() || isLocal(err)
		if final || n == attempts || ctx.Err() != nil {
			return 0, false, plain(err)
		}
		select {
		case <-ctx.Done():
			return 0, false, ctx.Err()
		case <-time.After(wait):
			wait *= 2
		}
	}
}

// isLocal reports whether an error is one of this machine's files, which another
// attempt does not mend.
func isLocal(err error) bool {
	var file *fs.PathError
	return errors.As(err, &file)
}

// plain removes the method and the URL from an error of net/http, which the
// caller names by itself.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// statusError is an answer other than the file.
type statusError struct{ code int }

func (e *statusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.code, http.StatusText(e.code))
}

// passing reports whether the same request may have another answer later.
func (e *statusError) passing() bool {
	return e.code == http.StatusTooManyRequests || e.code == http.StatusRequestTimeout || e.code >= 500
}

// digestError is a download that is not the artifact.
type digestError struct{ expected, found string }

func (e *digestError) Error() string {
	return fmt.Sprintf("what the server sent has the digest %s, not %s", e.found, e.expected)
}

// download writes an artifact to the file part, after what is there already.
func (f *fetcher) download(ctx context.Context, part string, a Artifact) (size int64, err error) {
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return 0, err
	}
	defer func() {
		var wrong *digestError
		if closed := file.Close(); err == nil {
			err = closed
		}
		var refused *netguard.Refusal
		if errors.As(err, &wrong) || errors.As(err, &refused) {
			os.Remove(part) // nothing of it is right
		}
	}()
	sums := a.sums()
	have, err := io.Copy(sums, file)
	if err != nil {
		return 0, err
	}
	if limit := a.limit(); have > limit || have > 0 && have == a.Size && sums.check() != nil {
		if have, sums, err = 0, a.sums(), restart(file); err != nil {
			return 0, err
		}
	}
	if have == 0 || have != a.Size {
		if have, err = f.request(ctx, file, sums, have, a); err != nil {
			return 0, err
		}
	}
	if err := sums.check(); err != nil {
		return 0, err
	}
	if a.Check != nil {
		if err := a.Check(part); err != nil {
			return 0, &netguard.Refusal{Text: err.Error()}
		}
	}
	return have, file.Sync()
}

func restart(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// request appends what the server sends to a file that has the first bytes, and
// returns the size of all.
func (f *fetcher) request(ctx context.Context, file *os.File, sums *sums, have int64, a Artifact) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "depaudit")
	if have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(have, 10)+"-")
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		if have > 0 { // the server cannot continue
			if err := restart(file); err != nil {
				return 0, err
			}
			have = 0
			sums.reset()
		}
	case resp.StatusCode == http.StatusPartialContent && have > 0 && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return have, nil // it may be complete: the digest decides
	default:
		return 0, &statusError{resp.StatusCode}
	}
	limit := a.limit()
	if resp.ContentLength > 0 && have+resp.ContentLength > limit {
		return 0, &netguard.Refusal{Text: fmt.Sprintf("the server announces %d bytes, and at most %d are expected", have+resp.ContentLength, limit)}
	}
	if a.Size == 0 && resp.ContentLength > 0 {
		f.advance(func(p *Progress) { p.Size += have + resp.ContentLength })
	}
	f.advance(func(p *Progress) { p.Bytes, p.File = p.Bytes+have, path.Base(a.URL) })
	n, err := io.Copy(io.MultiWriter(file, sums, counter{f}), io.LimitReader(resp.Body, limit-have+1))
	if err != nil {
		f.advance(func(p *Progress) { p.Bytes -= have + n }) // the next attempt counts it again
		return 0, err
	}
	if have+n > limit {
		return 0, &netguard.Refusal{Text: fmt.Sprintf("the server sends more than the expected %d bytes", limit)}
	}
	return have + n, nil
}

// limit is the number of bytes that are accepted.
func (a *Artifact) limit() int64 { return cmp.Or(a.Size, MaxSize) }

// counter counts what arrives.
type counter struct{ f *fetcher }

func (c counter) Write(b []byte) (int, error) {
	c.f.advance(func(p *Progress) { p.Bytes += int64(len(b)) })
	return len(b), nil
}

// verify returns the size of a file that has the digests.
func verify(place string, a Artifact) (int64, error) {
	file, err := os.Open(place)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	sums := a.sums()
	n, err := io.Copy(sums, file)
	if err == nil {
		err = sums.check()
	}
	if err == nil && a.Check != nil {
		err = a.Check(place)
	}
	return n, err
}

// sums computes the digests that an artifact must have.
type sums struct {
	digests []string
	hashes  []hash.Hash
}

// Strong reports whether a digest can identify an artifact.
func Strong(digest string) bool { return newSums([]string{digest}) != nil }

// newSums returns nil when no digest is one that can identify an artifact.
func newSums(digests []string) *sums {
	s := new(sums)
	for _, d := range digests {
		algorithm, value, _ := strings.Cut(d, ":")
		var h hash.Hash
		switch algorithm {
		case "sha256":
			h = sha256.New()
		case "sha384":
			h = sha512.New384()
		case "sha512":
			h = sha512.New()
		default:
			continue
		}
		if b, err := hex.DecodeString(value); err == nil && len(b) == h.Size() {
			s.digests, s.hashes = append(s.digests, strings.ToLower(d)), append(s.hashes, h)
		}
	}
	if len(s.hashes) == 0 {
		return nil
	}
	return s
}

func (s *sums) Write(b []byte) (int, error) {
	for _, h := range s.hashes {
		h.Write(b)
	}
	return len(b), nil
}

func (s *sums) reset() {
	for _, h := range s.hashes {
		h.Reset()
	}
}

// check compares the digests. Of several of one algorithm one must be right: a
// lock lists those of all files of a release.
func (s *sums) check() error {
	right := map[string]bool{}
	var wrong *digestError
	for i, h := range s.hashes {
		algorithm, _, _ := strings.Cut(s.digests[i], ":")
		found := algorithm + ":" + hex.EncodeToString(h.Sum(nil))
		if found == s.digests[i] {
			right[algorithm] = true
		} else if !slices.Contains(s.digests, found) {
			wrong = &digestError{s.digests[i], found}
		}
	}
	for _, d := range s.digests {
		if algorithm, _, _ := strings.Cut(d, ":"); !right[algorithm] {
			return wrong
		}
	}
	return nil
}
