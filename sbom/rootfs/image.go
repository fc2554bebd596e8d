package rootfs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// openedImage is an image with layers that can be read.
type openedImage struct {
	meta   sbom.Image
	notes  []string
	env    []string
	layers []layer.Blob
	close  func() error
}

// maxLayers is the number of layers that fit into the metadata of a node.
// overlayfs supports 500 and Docker 127.
const maxLayers = math.MaxUint16

// openLayers reads the layers of an image and merges them. The image is closed
// when that is done, or by [Tree.Close] if it has linked files, whose contents
// may have to be read later.
func openLayers(ctx context.Context, ref Ref, opts Options, image openedImage) (*Tree, error) {
	t, err := mergeLayers(ctx, opts, image)
	if err == nil && t.stored.linked == nil {
		err = image.close()
	} else if err != nil {
		err = errors.Join(err, image.close())
	}
	if err == nil {
		t.ref = ref
		return t, nil
	}
	if t != nil {
		t.Close()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("environment %q: %w", ref, err)
}

func mergeLayers(ctx context.Context, opts Options, image openedImage) (*Tree, error) {
	if len(image.layers) > maxLayers {
		return nil, fmt.Errorf("the image has %d layers, more than %d", len(image.layers), maxLayers)
	}
	var cache *layer.Cache
	if opts.Cache != "" {
		var err error
		if cache, err = layer.OpenCache(opts.Cache, opts.Warn); err != nil {
			return nil, err
		}
	}
	p := newImageProgress(opts.Progress, image.layers)
	layerOpts := layer.Options{Rule: layerRule(opts), Sums: opts.Sums, Progress: p.add, Kept: new(atomic.Int64)}
	indexes, err := readLayers(ctx, cache, image.layers, layerOpts)
	if err != nil {
		return nil, err
	}
	m := newMerge()
	m.sums = opts.Sums
	for i, x := range indexes {
		if err := m.apply(ctx, uint16(i+1), x); err != nil {
			closeAll(indexes)
			return nil, err
		}
	}
	t := m.tree()
	t.image, t.notes, t.env, t.stored.indexes = image.meta, image.notes, image.env, indexes
	t.reading = opts.Reading
	files, err := t.linkedFiles(ctx, layerOpts.Rule)
	if err != nil {
		closeAll(indexes)
		return nil, err
	}
	p.end(t.Len())
	if err := ctx.Err(); err != nil {
		closeAll(indexes)
		return nil, err
	}
	if files == nil {
		return t, nil
	}
	layerOpts.Progress = nil // it is not called after Open
	t.stored.linked = &linked{layers: files, close: image.close, read: func(first *layer.Index, only map[int64]bool) (*layer.Index, error) {
		opts := layerOpts
		opts.Only, opts.Sums = only, 0
		return cache.Read(ctx, image.layers[slices.Index(indexes, first)], opts)
	}}
	return t, nil
}

// readLayers reads each distinct layer once, as many in parallel as there are
// processors.
func readLayers(ctx context.Context, cache *layer.Cache, sources []layer.Blob, opts layer.Options) ([]*layer.Index, error) {
	type result struct {
		source layer.Blob
		index  *layer.Index
		err    error
	}
	var results []result
	numbers := make([]int, len(sources)) // layer -> result
	known := make(map[string]int)
	for i, s := range sources {
		id := s.Digest + " " + s.DiffID
		n, ok := known[id]
		if !ok {
			n = len(results)
			known[id] = n
			results = append(results, result{source: s})
		}
		numbers[i] = n
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), len(results)) {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(results) || ctx.Err() != nil {
					return
				}
				r := &results[n]
				if r.index, r.err = cache.Read(ctx, r.source, opts); r.err != nil {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	var failed error
	complete := true
	for _, r := range results {
		complete = complete && r.index != nil
		if failed == nil || errors.Is(failed, context.Canceled) {
			failed = r.err
		}
	}
	if failed == nil && !complete {
		failed = ctx.Err()
	}
	if failed != nil {
		for _, r := range results {
			if r.index != nil {
				r.index.Close()
			}
		}
		return nil, failed
	}
	indexes := make([]*layer.Index, len(sources))
	for i, n := range numbers {
		indexes[i] = results[n].index
	}
	return indexes, nil
}

// closeAll closes indexes, some of which may be the same.
func closeAll(indexes []*layer.Index) error {
	var errs []error
	closed := make(map[*layer.Index]bool)
	for _, x := range indexes {
		if !closed[x] {
			closed[x] = true
			errs = append(errs, x.Close())
		}
	}
	return errors.Join(errs...)
}

// DefaultCache returns the directory for [Options.Cache] of the current user,
// which it creates if it does not exist. It returns an error if the directory
// cannot be used; a scan needs none.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "depaudit", "layers")
	if _, err := layer.OpenCache(dir, nil); err != nil {
		return "", err
	}
	return dir, nil
}

// layerRule converts options to a rule of package layer.
func layerRule(opts Options) layer.Rule {
	var rule layer.Rule
	if opts.Classify != nil {
		rule.Classify = func(head []byte) uint8 { return uint8(opts.Classify(head)) }
	}
	if opts.Keep != nil {
		rule.ID = opts.Keep.ID
		rule.Keep = func(path string, size int64, class uint8) bool { return opts.Keep.Content(path, size, Class(class)) }
	}
	return rule
}

// imageProgress adds up the progress of several goroutines.
type imageProgress struct {
	mu   sync.Mutex
	call func(Progress)
	now  Progress
	told int64
}

// progressBytes is the number of bytes between two calls of
// [Options.Progress].
const progressBytes = 1 << 20

func newImageProgress(call func(Progress), sources []layer.Blob) *imageProgress {
	p := &imageProgress{call: call}
	known := make(map[string]bool)
	for _, s := range sources {
		if id := s.Digest + " " + s.DiffID; !known[id] {
			known[id] = true
			if s.Size <= 0 {
				p.now.Total = 0
				return p
			}
			p.now.Total += s.Size
		}
	}
	return p
}

func (p *imageProgress) add(bytes, entries int64) {
	if p.call == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Bytes += bytes
	p.now.Files += int(entries)
	if p.told += bytes + entries*512; p.told >= progressBytes {
		p.told = 0
		p.call(p.now)
	}
}

// end reports the final progress. Some entries are not files of the image, and
// some directories have no entry; the numbers never decrease.
func (p *imageProgress) end(nodes int) {
	if p.call == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Files = max(p.now.Files, nodes)
	p.call(p.now)
}
