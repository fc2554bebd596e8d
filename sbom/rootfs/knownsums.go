package rootfs

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// KnownSums are digests of files by their [Fingerprint]: of a file that has the
// fingerprint again, nothing has to be read. That rests on the time of change,
// which only the kernel sets, on file systems where it does so for each kind of
// write. An attacker who can set the clock of the machine, or write to the device
// below the file system, can forge it; a process of the environment can do neither
// unless it is the machine's root.
type KnownSums struct {
	raw []byte   // for each file: fingerprint, set, digests
	at  []uint32 // offsets in raw, in the order of the fingerprints
}

// Len returns the number of files.
func (k *KnownSums) Len() int { return len(k.at) }

// Bytes returns the encoding that [ParseKnownSums] parses. Equal digests have
// equal encodings.
func (k *KnownSums) Bytes() []byte { return k.raw }

var errKnownSums = errors.New("the list of digests is damaged")

// ParseKnownSums parses the encoding. It keeps the bytes.
func ParseKnownSums(b []byte) (*KnownSums, error) {
	k := &KnownSums{raw: b}
	const head = len(Fingerprint{}) + 1
	for at := 0; at < len(b); {
		if len(b)-at < head {
			return nil, errKnownSums
		}
		set := SumSet(b[at+head-1])
		end := at + head + set.Size()
		if set == 0 || set&^sums.All != 0 || end > len(b) || uint64(end) > maxText {
			return nil, errKnownSums
		}
		if n := len(k.at); n > 0 && bytes.Compare(k.fingerprint(n-1), b[at:at+head-1]) >= 0 {
			return nil, errKnownSums
		}
		k.at = append(k.at, uint32(at))
		at = end
	}
	return k, nil
}

func (k *KnownSums) fingerprint(i int) []byte {
	return k.raw[k.at[i]:][:len(Fingerprint{})]
}

// find returns digests of a file with a fingerprint, if all of a set are known.
func (k *KnownSums) find(f Fingerprint, want SumSet) (Sums, bool) {
	if k == nil || f == (Fingerprint{}) {
		return Sums{}, false
	}
	i := sort.Search(len(k.at), func(i int) bool { return bytes.Compare(k.fingerprint(i), f[:]) >= 0 })
	if i == len(k.at) || !bytes.Equal(k.fingerprint(i), f[:]) {
		return Sums{}, false
	}
	b := k.raw[int(k.at[i])+len(f):]
	set := SumSet(b[0])
	if want&^set != 0 {
		return Sums{}, false
	}
	return sums.Parse(b[1:], set).Only(want), true
}

// recordedSums are the digests that were computed since [Tree.Record].
type recordedSums struct {
	mu    sync.Mutex
	raw   []byte
	files []recordedSum
}

type recordedSum struct {
	at      int
	changed int64 // nanoseconds
}

// add records the digests of a file as it was before it was read. Of a file that
// changed meanwhile, the fingerprint is another one afterwards.
func (r *recordedSums) add(f currentFingerprint, set SumSet, s Sums) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = append(r.files, recordedSum{len(r.raw), f.changed.UnixNano()})
	r.raw = append(r.raw, f.fingerprint[:]...)
	r.raw = s.Append(append(r.raw, byte(set)), set)
}

// racyMapping is the time without changes after which the digest of a file is
// recorded. The first write to a page of a mapping sets the time of change, and
// further ones do not until the page has been written back, which Linux does
// after 30 seconds and a round of 5 (vm.dirty_expire_centisecs and
// dirty_writeback_centisecs). A process that wrote to a mapping before the digest
// was computed could otherwise do it again afterwards.
const racyMapping = time.Minute

// RecallSums makes [Tree.Examine] return digests that are known of files with
// the same fingerprint.
func (t *Tree) RecallSums(known *KnownSums) { t.known = known }

// RecordedSums returns the digests that were computed since [Tree.Record]; nil
// for none. now is as in [Tree.Fingerprints]: a file that changed shortly before
// may change again without a change of its times, and is left out.
func (t *Tree) RecordedSums(now time.Time) *KnownSums {
	if t.record == nil || len(t.record.sums.files) == 0 {
		return nil
	}
	if _, times, err := t.disk.mountsOf(); err != nil || !times.mapped {
		return nil
	}
	r := &t.record.sums
	limit := now.UnixNano()
	if now.IsZero() {
		for _, f := range r.files {
			limit = max(limit, f.changed)
		}
	}
	limit -= int64(racyMapping)
	size := len(Fingerprint{})
	files := slices.DeleteFunc(slices.Clone(r.files), func(f recordedSum) bool { return f.changed >= limit })
	slices.SortFunc(files, func(a, b recordedSum) int {
		return bytes.Compare(r.raw[a.at:a.at+size], r.raw[b.at:b.at+size])
	})
	k := new(KnownSums)
	for i, f := range files {
		end := f.at + size + 1 + SumSet(r.raw[f.at+size]).Size()
		if i > 0 && bytes.Equal(r.raw[f.at:f.at+size], k.fingerprint(len(k.at)-1)) {
			continue // examined twice
		}
		if len(k.raw)+end-f.at > maxText {
			break
		}
		k.at = append(k.at, uint32(len(k.raw)))
		k.raw = append(k.raw, r.raw[f.at:end]...)
	}
	return k
}
