package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/ledger"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/sbomread"
	"github.com/depaudit/depaudit/sbom/scan"
	"github.com/depaudit/depaudit/sbom/snapshot"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// Scanner makes the document of one environment. It returns when ctx ends.
type Scanner func(ctx context.Context, r Request, progress func(scan.Progress)) (*Result, error)

// Request is one environment for a [Scanner]. It can be sent to another process
// as JSON, except for Input and Now, which the caller sets there.
type Request struct {
	Ref      rootfs.Ref `json:"ref"`
	Platform string     `json:"platform,omitempty"`
	// Cache is the directory for layers of images, empty for none.
	Cache string `json:"cache,omitempty"`
	// Own is as in [scan.Options].
	Own []string `json:"own,omitempty"`
	// Since is the path of a snapshot of the same environment.
	Since string `json:"since,omitempty"`
	// Rehash is as in [scan.Options].
	Rehash bool `json:"rehash,omitempty"`
	// Snapshot requests a snapshot in addition to the document.
	Snapshot bool `json:"snapshot,omitempty"`
	// Paths are those whose owners are requested.
	Paths []string `json:"paths,omitempty"`
	// Verify requests a proof in addition to the document, nil for none. An
	// environment that has no files has no proof.
	Verify *ledger.Request `json:"verify,omitempty"`
	// Sums is set to read the layers of an image with digests, although nothing is
	// verified: another environment with the same layers is.
	Sums bool `json:"sums,omitempty"`
	// Files requests a list of all files with their digests. Verify must be nil
	// then.
	Files bool `json:"files,omitempty"`
	// Input is the content of the reference "sbom:-".
	Input io.Reader `json:"-"`
	// Now is as in [scan.Options].
	Now time.Time `json:"-"`
	// Reading is as in [scan.Options].
	Reading func(path string) (closed func()) `json:"-"`
}

// FromInput reports whether the environment is read from Input.
func (r Request) FromInput() bool { return r.Ref.Path == "-" && !r.Ref.HasPath() }

// Result is what a [Scanner] returns.
type Result struct {
	Document *sbom.Document
	// Snapshot has the bytes of the snapshot file, if one was requested.
	Snapshot []byte
	// Owners are those of the requested paths.
	Owners []scan.Owner
	// Proof is what was verified, nil unless it was requested.
	Proof *audit.Proof
	// Files are all files, if they were requested.
	Files []diff.File
}

// InProcess makes the document of an environment in this process: it scans the
// environment, or reads the document of an SBOM, an attestation or a snapshot.
func InProcess(ctx context.Context, r Request, progress func(scan.Progress)) (*Result, error) {
	switch r.Ref.Scheme {
	case rootfs.SchemeSBOM:
		return documentOf(readSBOM(ctx, r))
	case rootfs.SchemeAttestation:
		return documentOf(readAttestation(ctx, r.Ref, r.Platform))
	case rootfs.SchemeSnapshot:
		s, err := readSnapshot(r.Ref.Path)
		if err != nil {
			return nil, err
		}
		proof, err := readProof(s.Proof)
		if err != nil {
			return nil, err
		}
		return &Result{Document: s.Document, Proof: proof}, nil
	}
	opts := scan.Options{Progress: progress, Platform: r.Platform, Cache: r.Cache, Own: r.Own, Rehash: r.Rehash, Fingerprints: true, Now: r.Now, Reading: r.Reading}
	if r.Since != "" {
		// The same file is read as the base, where an error becomes a gap.
		opts.Since, _ = readSnapshot(r.Since)
	}
	var proof *audit.Proof
	var files []diff.File
	if r.Sums {
		opts.Sums = allSums
	}
	if r.Files {
		opts.Sums = rootfs.SumBLAKE3
		opts.Use = func(ctx context.Context, f *scan.Files) (err error) {
			files, err = listFiles(ctx, f)
			return err
		}
	}
	if r.Verify != nil {
		opts.Sums = allSums
		opts.Use = func(ctx context.Context, files *scan.Files) (err error) {
			proof, err = ledger.Make(ctx, files, *r.Verify)
			return err
		}
	}
	switch {
	case r.Snapshot:
		s, err := scan.Snapshot(ctx, r.Ref, opts)
		if err != nil {
			return nil, err
		}
		if proof != nil {
			if s.Proof, err = json.Marshal(proof); err != nil {
				return nil, err
			}
		}
		var b bytes.Buffer
		if err := snapshot.Write(&b, s); err != nil {
			return nil, err
		}
		return &Result{Document: s.Document, Snapshot: b.Bytes(), Proof: proof}, nil
	case len(r.Paths) > 0:
		doc, owners, err := scan.Owners(ctx, r.Ref, opts, r.Paths)
		if err != nil {
			return nil, err
		}
		return &Result{Document: doc, Owners: owners, Proof: proof}, nil
	}
	doc, err := scan.Run(ctx, r.Ref, opts)
	if err != nil {
		return nil, err
	}
	return &Result{Document: doc, Proof: proof, Files: files}, nil
}

// allSums are the digests that any record or manifest has of a file.
const allSums = rootfs.SumBLAKE3 | rootfs.SumMD5 | rootfs.SumSHA1 | rootfs.SumSHA256

func documentOf(doc *sbom.Document, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	return &Result{Document: doc}, nil
}

func readSBOM(ctx context.Context, r Request) (*sbom.Document, error) {
	if r.FromInput() {
		if r.Input == nil {
			return nil, errors.New("there is no standard input to read")
		}
		return sbomread.Read(ctx, r.Input, r.Ref.Path)
	}
	f, err := os.Open(r.Ref.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return sbomread.Read(ctx, f, r.Ref.Path)
}

func readSnapshot(path string) (*snapshot.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return snapshot.Read(f)
}

// readProof parses the proof in a snapshot, nil for none.
func readProof(raw []byte) (*audit.Proof, error) {
	if raw == nil {
		return nil, nil
	}
	proof := new(audit.Proof)
	if err := strictjson.UnmarshalKnown(context.Background(), raw, proof); err != nil {
		return nil, fmt.Errorf("snapshot: what was verified: %w (make a new one with depaudit snapshot)", err)
	}
	return proof, nil
}

// readAttestation reads the SBOM that BuildKit attached for a build stage.
func readAttestation(ctx context.Context, ref rootfs.Ref, platform string) (*sbom.Document, error) {
	r, err := rootfs.OpenAttestation(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return sbomread.Read(ctx, r, ref.String())
}

// Inventory is the result of one scan, or the reason why there is none.
type Inventory struct {
	Result
	Lost error
}

// Inventories scans environments side by side, each distinct one once, and
// returns what it found in their order. An environment whose scan has no result
// is lost; its error begins with the reference as it was written. Inventories
// itself fails only if ctx ends, a scanner returns a [*RunError], or a reference
// names an image that is not there, which is an [*InputError].
func Inventories(ctx context.Context, envs []Environment, o Options) ([]Inventory, error) {
	found := make([]Inventory, len(envs))
	first := make(map[envKey]int)
	// A scan has several threads of its own.
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	var wg sync.WaitGroup
	for i, e := range envs {
		if _, known := first[e.key()]; known {
			continue
		}
		first[e.key()] = i
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			result, err := o.scan(ctx, e)
			if err != nil {
				found[i].Lost = err
				return
			}
			found[i].Result = *result
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	named := make([]Inventory, 0, len(envs))
	for _, e := range envs {
		inv := found[first[e.key()]]
		var run *RunError
		if errors.As(inv.Lost, &run) {
			return nil, inv.Lost
		}
		var selection *rootfs.SelectionError
		if errors.As(inv.Lost, &selection) {
			return nil, &InputError{Err: asNamed(e, inv.Lost)}
		}
		if inv.Lost != nil {
			inv.Lost = asNamed(e, inv.Lost)
		}
		if inv.Document != nil {
			// A report must not depend on where the pipeline is on this
			// machine: it shows the reference as the user wrote it.
			doc := *inv.Document
			doc.Environment.Ref = e.Raw
			inv.Document = &doc
		}
		named = append(named, inv)
	}
	return named, nil
}

// scan makes the document of one environment within the deadline.
func (o Options) scan(ctx context.Context, e Environment) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	timed := ctx
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	scanner := o.Scanner
	if scanner == nil {
		scanner = InProcess
	}
	report := func(Progress) {}
	if o.Progress != nil {
		report = o.Progress
	}
	request := Request{Ref: e.Ref, Platform: e.Platform, Cache: o.Cache, Since: e.Since, Rehash: o.Rehash, Snapshot: e.Snapshot, Paths: e.Paths, Verify: e.Verify, Files: e.Files, Sums: e.Sums, Now: o.Now}
	if e.Ref.Scheme == rootfs.SchemeHost {
		// The machine is not made for the stage. In a directory that the caller
		// names, the program may be what is audited.
		request.Own = o.Own
	}
	if request.FromInput() {
		request.Input = o.Input
	}
	result, err := scanner(timed, request, func(p scan.Progress) { report(Progress{Name: e.Name, Progress: p}) })
	report(Progress{Name: e.Name, Done: true})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("the scan did not finish within %s and was canceled", o.Timeout)
	}
	return result, err
}

// envKey is equal for environments that need not be scanned twice.
type envKey struct {
	ref             rootfs.Ref
	platform, since string
	snapshot        bool
	files, sums     bool
	paths, verify   string
}

func (e Environment) key() envKey {
	verify := ""
	if e.Verify != nil {
		b, _ := json.Marshal(e.Verify) // it has strings and booleans only
		verify = string(b)
	}
	return envKey{e.Ref, e.Platform, e.Since, e.Snapshot, e.Files, e.Sums, strings.Join(e.Paths, "\x00"), verify}
}

// asNamed returns an error that begins with the reference as the user wrote it,
// in place of the scan's, which has absolute paths. The rest of the text has
// paths within the environment.
func asNamed(e Environment, err error) error {
	text := strings.TrimPrefix(err.Error(), fmt.Sprintf("environment %q: ", e.Ref))
	text = strings.TrimPrefix(text, "image "+e.Ref.String()+": ")
	text = strings.TrimPrefix(text, e.Ref.Path+": ")
	return fmt.Errorf("%s: %s", e.Raw, text)
}
