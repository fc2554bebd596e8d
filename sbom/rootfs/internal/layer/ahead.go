package layer

import (
	"errors"
	"io"
	"sync"
)

// ahead reads from another reader in its own goroutine, into a fixed number of
// buffers that are reused after they were read.
//
// It also seeks, forward only: [archive/tar] skips the content of files by
// seeking if it can, which needs no copy.
type ahead struct {
	full    chan chunk
	free    chan []byte
	quit    chan struct{}
	once    sync.Once
	ended   sync.WaitGroup
	current chunk
	rest    []byte
	pos     int64
	// seen is called with all bytes in order, before any of them is returned.
	seen func([]byte) error
	err  error
}

type chunk struct {
	buffer []byte
	err    error // after the buffer
}

var errStopped = errors.New("stopped")

func newAhead(r io.Reader, size, count int) *ahead {
	a := &ahead{full: make(chan chunk, count), free: make(chan []byte, count), quit: make(chan struct{})}
	a.ended.Go(func() { a.fill(r, size, count) })
	return a
}

func (a *ahead) fill(r io.Reader, size, count int) {
	defer close(a.full)
	for made := 0; ; {
		var b []byte
		select {
		case b = <-a.free:
		default:
			if made < count { // most layers are small and never need all of them
				b = make([]byte, size)
				made++
				break
			}
			select {
			case b = <-a.free:
			case <-a.quit:
				return
			}
		}
		b = b[:cap(b)]
		n := 0
		var err error
		for n < len(b) && err == nil {
			var got int
			got, err = r.Read(b[n:])
			n += got
			select {
			case <-a.quit:
				return
			default:
			}
		}
		select {
		case a.full <- chunk{b[:n], err}:
		case <-a.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// close stops reading ahead. The goroutine ends when its pending read returns;
// wait waits for that.
func (a *ahead) close() { a.once.Do(func() { close(a.quit) }) }

func (a *ahead) wait() { a.ended.Wait() }

// next makes rest non-empty, or returns an error.
func (a *ahead) next() error {
	for len(a.rest) == 0 && a.err == nil {
		if a.current.err != nil {
			a.err = a.current.err
			break
		}
		if a.current.buffer != nil {
			a.free <- a.current.buffer
			a.current.buffer = nil
		}
		ok := false
		select {
		case <-a.quit:
		default:
			select {
			case a.current, ok = <-a.full:
			case <-a.quit:
			}
		}
		if !ok {
			a.err = errStopped
			break
		}
		a.rest = a.current.buffer
		if a.seen != nil {
			if err := a.seen(a.rest); err != nil {
				a.err, a.rest = err, nil
			}
		}
	}
	if len(a.rest) > 0 {
		return nil
	}
	return a.err
}

func (a *ahead) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := a.next(); err != nil {
		return 0, err
	}
	n := copy(b, a.rest)
	a.rest = a.rest[n:]
	a.pos += int64(n)
	return n, nil
}

// Seek skips bytes. It does not report the end of the stream; the next Read
// does.
func (a *ahead) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 {
		return a.pos, errors.ErrUnsupported
	}
	for offset > 0 {
		switch err := a.next(); {
		case err == io.EOF:
			return a.pos, io.ErrUnexpectedEOF
		case err != nil:
			return a.pos, err
		}
		n := min(offset, int64(len(a.rest)))
		a.rest = a.rest[n:]
		a.pos += n
		offset -= n
	}
	return a.pos, nil
}

// drain reads to the end and returns the error there, nil for io.EOF.
func (a *ahead) drain() error {
	for {
		if err := a.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		a.pos += int64(len(a.rest))
		a.rest = nil
	}
}
