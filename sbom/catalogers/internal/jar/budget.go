package jar

import (
	"errors"
	"fmt"
)

// A small archive can expand to any amount of work: 23 KB are enough for 65,536
// archives in one another. So everything that is read for one file, at all
// depths, is paid from one budget, which grows with the size of the file. A file
// whose budget is spent is an error, with what was found until then. The
// budget is in bytes, not in seconds, so that the result is the same on every machine.

const (
	// minWork and workFactor bound the bytes that are unpacked, hashed and
	// listed: the second is a class path in a web application in an enterprise
	// application, in which each library is unpacked and hashed three times.
	minWork, workFactor = 256 << 20, 8
	// minText and textFactor bound the bytes of manifests and poms. XML is parsed
	// at 5 MB a second.
	minText, textFactor = 16 << 20, 4
	// maxDirectories is the number of bytes of the directories of an archive
	// and those around it. 100,000 classes have 10 MB.
	maxDirectories = 32 << 20
	// perArchive is the work of an archive besides its bytes: a temporary file
	// and some sorted lists.
	perArchive = 16 << 10
	// perEntry is the factor for the bytes of a directory, which is sorted.
	perEntry = 4
	// perText is the factor for the bytes of a text, which is parsed.
	perText = 4
	// perName is the factor for the bytes of the way to an artifact, which
	// each artifact below it has.
	perName = 16
	// MaxTemporary is the number of bytes that a scan writes into temporary files
	// for compressed archives in archives.
	MaxTemporary = 16 << 30
)

// Scan is what the archives of one scan share, so that many small ones do not
// expand to any amount either: the temporary space, and the work beyond
// workFactor. The zero value has all of it.
type Scan struct{ written, beyond int64 }

// maxBeyond is the work of all archives of a scan beyond workFactor. Archives of
// all kinds have less than 100 KB of it on average.
const maxBeyond = 8 << 30

var errTemporary = limitError{fmt.Errorf("the archives of this scan that are in other archives need more than %d bytes of temporary space: not unpacked", int64(MaxTemporary))}

// budget is what is left for one file and everything in it.
type budget struct {
	scan                    *Scan
	work, text, directories int64
	size                    int64 // of the file
	limit                   int64 // of work
	archives                int
	spent                   error // the first limit that was exceeded
}

func newBudget(s *Scan, size int64) *budget {
	limit := workFactor*size + min(minWork, maxBeyond-s.beyond)
	return &budget{scan: s, size: size, limit: limit, work: limit, text: minText + textFactor*size, directories: maxDirectories}
}

// end takes the work that was done for the file from what the scan has.
func (b *budget) end() {
	if beyond := b.limit - max(b.work, 0) - workFactor*b.size; beyond > 0 {
		b.scan.beyond += beyond
	}
}

func (b *budget) over(err error) error {
	if b.spent == nil {
		b.spent = limitError{err}
	}
	return b.spent
}

// spend takes n bytes of work.
func (b *budget) spend(n int64) error {
	if b.work -= max(n, 0); b.work < 0 {
		return b.over(fmt.Errorf("it expands to more than the limit of %d bytes (%d archives in one another were read)", b.limit, b.archives))
	}
	return b.spent
}

// read takes n bytes of a text that was read.
func (b *budget) read(n int64) error {
	if b.text -= n; b.text < 0 {
		return b.over(fmt.Errorf("its manifests and poms have more than the limit of %d bytes", minText+textFactor*b.size))
	}
	return b.spend(perText * n)
}

// IsLimit reports whether an error means that something was left out because of a
// limit.
func IsLimit(err error) bool { return errors.As(err, new(limitError)) }

type limitError struct{ error }

func (e limitError) Unwrap() error { return e.error }
