package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// A packed fingerprint is the distance to the node before it, that to its parent, its
// name, a byte of flags, for ReadClass the class and the permissions, and the
// state if there is one.
const (
	flagsAsked = byte(rootfs.ReadClass | rootfs.ReadInfo | rootfs.ReadContent | rootfs.ReadFailed)
	flagFolder = byte(1 << 6)
	flagState  = byte(1 << 7)
)

// maxName is the longest name of a file that Linux allows, thrice: some file
// systems of other systems count characters.
const maxName = 3 * 255

func pack(fingerprints []rootfs.FileFingerprint) ([]byte, error) {
	out := make([]byte, 0, len(fingerprints)*(len(rootfs.Fingerprint{})+16))
	last := int64(-1)
	for _, m := range fingerprints {
		if int64(m.Node) <= last {
			return nil, fmt.Errorf("the fingerprints are not in order: %d after %d", m.Node, last)
		}
		out = binary.AppendUvarint(out, uint64(int64(m.Node)-last))
		last = int64(m.Node)
		if m.Parent >= m.Node || m.Parent < rootfs.None || len(m.Name) > maxName {
			return nil, fmt.Errorf("the fingerprint of node %d has the parent %d, or a name of %d bytes", m.Node, m.Parent, len(m.Name))
		}
		out = binary.AppendUvarint(out, uint64(m.Node-m.Parent))
		out = binary.AppendUvarint(out, uint64(len(m.Name)))
		out = append(out, m.Name...)
		flags := byte(m.Read)
		if m.Dir {
			flags |= flagFolder
		}
		if flags&^(flagsAsked|flagFolder) != 0 || flags == 0 {
			return nil, fmt.Errorf("the fingerprint of node %d has the flags %#x", m.Node, flags)
		}
		if m.Fingerprint != (rootfs.Fingerprint{}) {
			flags |= flagState
		}
		out = append(out, flags)
		if m.Read&rootfs.ReadClass != 0 {
			out = append(out, byte(m.Class))
			out = binary.AppendUvarint(out, uint64(m.Perm.Perm()))
		}
		if flags&flagState != 0 {
			out = append(out, m.Fingerprint[:]...)
		}
	}
	return out, nil
}

// minPacked is the length of the shortest packed fingerprint. It bounds how many there can
// be before any is read.
const minPacked = 4

var errCut = errors.New("the list ends within an entry")

func unpack(b []byte) ([]rootfs.FileFingerprint, error) {
	var fingerprints []rootfs.FileFingerprint
	last := int64(-1)
	number := func() (uint64, error) {
		x, n := binary.Uvarint(b)
		if n <= 0 || n > 1 && b[n-1] == 0 { // cut off, too long, or not the shortest form
			return 0, errCut
		}
		b = b[n:]
		return x, nil
	}
	for len(b) > 0 {
		var m rootfs.FileFingerprint
		step, err := number()
		if err != nil || len(b) == 0 {
			return nil, errCut
		}
		if step == 0 || step > math.MaxInt32 || last+int64(step) > math.MaxInt32 {
			return nil, errors.New("the list is not in order")
		}
		last += int64(step)
		m.Node = rootfs.Node(last)
		up, err := number()
		if err != nil {
			return nil, err
		}
		if up == 0 || up > uint64(last)+1 {
			return nil, errors.New("an entry without a parent")
		}
		m.Parent = rootfs.Node(last - int64(up))
		length, err := number()
		if err != nil {
			return nil, err
		}
		if length > maxName {
			return nil, fmt.Errorf("an entry has a name of %d bytes", length)
		}
		if uint64(len(b)) <= length {
			return nil, errCut
		}
		m.Name, b = string(b[:length]), b[length:]
		flags := b[0]
		b = b[1:]
		m.Read, m.Dir = rootfs.Read(flags&flagsAsked), flags&flagFolder != 0
		if flags&^(flagsAsked|flagFolder|flagState) != 0 || m.Read == 0 && !m.Dir {
			return nil, fmt.Errorf("an entry has the flags %#x", flags)
		}
		if m.Read&rootfs.ReadClass != 0 {
			if len(b) == 0 {
				return nil, errCut
			}
			m.Class = rootfs.Class(b[0])
			b = b[1:]
			perm, err := number()
			if err != nil {
				return nil, err
			}
			if perm > uint64(fs.ModePerm) {
				return nil, fmt.Errorf("an entry has the permissions %#o", perm)
			}
			m.Perm = fs.FileMode(perm)
		}
		if flags&flagState != 0 {
			if len(b) < len(m.Fingerprint) {
				return nil, errCut
			}
			b = b[copy(m.Fingerprint[:], b):]
			if m.Fingerprint == (rootfs.Fingerprint{}) {
				return nil, errors.New("an entry has a state that is none")
			}
		}
		if fingerprints == nil {
			fingerprints = make([]rootfs.FileFingerprint, 0, min(len(b)/minPacked+1, 1<<16))
		}
		fingerprints = append(fingerprints, m)
	}
	return fingerprints, nil
}
