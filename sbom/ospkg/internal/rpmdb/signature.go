package rpmdb

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// signers returns the IDs of the keys that the header's signatures name. An
// unreadable signature has none: it does not affect the list of installed
// packages.
func (h header) signers() ([]string, error) {
	var out []string
	add := func(packet []byte) {
		if id := issuer(packet); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, tag := range []uint32{rpmheader.TagRSAHeader, rpmheader.TagDSAHeader, rpmheader.TagSigPGP, rpmheader.TagSigGPG} {
		packet, err := h.Bytes(tag)
		if err != nil {
			return nil, err
		}
		add(packet)
	}
	texts, err := h.Texts(rpmheader.TagOpenPGP)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		if packet, err := base64.StdEncoding.DecodeString(text); err == nil {
			add(packet)
		}
	}
	return out, nil
}

// issuer returns the ID of the key that an OpenPGP signature packet names (RFC
// 4880 and RFC 9580, sections 4.2 and 5.2), "" when it names none.
func issuer(packet []byte) string {
	const signature = 2
	if len(packet) < 2 || packet[0]&0x80 == 0 {
		return ""
	}
	tag, skip := packet[0]&0x3f, 0
	if packet[0]&0x40 == 0 {
		tag >>= 2
		skip = 1 + []int{1, 2, 4, 0}[packet[0]&3]
	} else {
		switch first := packet[1]; {
		case first < 192:
			skip = 2
		case first < 224:
			skip = 3
		case first == 255:
			skip = 6
		default:
			return "" // a partial length, which no signature needs
		}
	}
	if tag != signature || len(packet) <= skip {
		return ""
	}
	body := packet[skip:]
	switch body[0] {
	case 3:
		// A length, the type and the time, then the ID.
		if len(body) < 15 {
			return ""
		}
		return hex.EncodeToString(body[7:15])
	case 4:
		return issuerOf(body, 2)
	case 6:
		return issuerOf(body, 4)
	}
	return ""
}

// issuerOf searches the subpackets of a signature of version 4 or 6, whose
// counts have width bytes.
func issuerOf(body []byte, width int) string {
	rest := body[min(4, len(body)):] // version, type, two algorithms
	fingerprint := ""
	for range 2 { // those that are signed, and the others
		if len(rest) < width {
			return fingerprint
		}
		var size uint64
		if width == 2 {
			size = uint64(binary.BigEndian.Uint16(rest))
		} else {
			size = uint64(binary.BigEndian.Uint32(rest))
		}
		rest = rest[width:]
		if size > uint64(len(rest)) {
			return fingerprint
		}
		id, long := subpackets(rest[:size])
		if id != "" {
			return id
		}
		if fingerprint == "" {
			fingerprint = long
		}
		rest = rest[size:]
	}
	return fingerprint
}

// subpackets returns the issuer's key ID, and the one that follows from the
// issuer's fingerprint.
func subpackets(area []byte) (id, fromFingerprint string) {
	const issuerKeyID, issuerFingerprint = 16, 33
	for len(area) > 0 {
		size, skip := uint64(area[0]), 1
		switch {
		case area[0] == 255:
			if len(area) < 5 {
				return
			}
			size, skip = uint64(binary.BigEndian.Uint32(area[1:])), 5
		case area[0] >= 192:
			if len(area) < 2 {
				return
			}
			size, skip = (uint64(area[0])-192)<<8+uint64(area[1])+192, 2
		}
		area = area[skip:]
		if size == 0 || size > uint64(len(area)) {
			return
		}
		kind, body := area[0]&0x7f, area[1:size]
		area = area[size:]
		switch {
		case kind == issuerKeyID && len(body) == 8 && id == "":
			id = hex.EncodeToString(body)
		case kind == issuerFingerprint && len(body) == 21 && body[0] == 4:
			fromFingerprint = hex.EncodeToString(body[13:])
		case kind == issuerFingerprint && len(body) == 33 && body[0] >= 5:
			fromFingerprint = hex.EncodeToString(body[1:9])
		}
	}
	return id, fromFingerprint
}
