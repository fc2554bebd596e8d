package catalogers

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/exe"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

const (
	// maxModule is the size of a kernel module, decompressed. The largest of
	// Debian's kernels has 25 MB.
	maxModule = 128 << 20
	// maxDictionary is the memory that a compressed module may require. The
	// kernel itself supports 8 MB (https://docs.kernel.org/staging/xz.html).
	maxDictionary = 64 << 20
)

// newKernel reads kernels, and the modules that no package of the system owns.
func newKernel() *reader {
	r := &reader{name: "linux-kernel-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		kernels := f.glob("**/kernel", "**/kernel-*", "**/vmlinux", "**/vmlinux-*", "**/vmlinuz", "**/vmlinuz-*",
			"**/bzImage", "**/bzImage-*", "**/zImage", "**/zImage-*")
		f.each(kernels, func(at file.Location, c rootfs.Content) error {
			if v := exe.KernelVersion(c); v != "" {
				f.add(r.name, at, pkg.Package{Name: "linux-kernel", Version: v, PURL: kernelPURL("linux-kernel", v), Type: pkg.LinuxKernelPkg})
			}
			return nil
		})
		modules := f.glob("**/lib/modules/**/*.ko", "**/lib/modules/**/*.ko.gz", "**/lib/modules/**/*.ko.xz", "**/lib/modules/**/*.ko.zst")
		f.each(modules, func(at file.Location, c rootfs.Content) error {
			content, err := moduleContent(at.RealPath, c)
			if err != nil {
				return err
			}
			m, err := exe.ReadModule(content)
			if err != nil || m.Kernel == "" {
				return err
			}
			f.add(r.name, at, pkg.Package{Name: m.Name, Version: m.Version, PURL: kernelPURL(m.Name, m.Version), Type: pkg.LinuxKernelModulePkg})
			return nil
		})
	}
	return r
}

func kernelPURL(name, version string) string {
	namespace, base, ok := strings.Cut(name, "/")
	if !ok {
		namespace, base = "", name
	}
	return packageurl.NewPackageURL(packageurl.TypeGeneric, namespace, base, version, nil, "").ToString()
}

// moduleContent decompresses a module, by its first bytes: the name of a
// module that is linked to need not have the format's extension.
func moduleContent(name string, c rootfs.Content) (io.ReaderAt, error) {
	var head [6]byte
	if n, _ := c.ReadAt(head[:], 0); n < len(head) || strings.HasSuffix(name, ".ko") {
		return c, nil
	}
	var r io.Reader
	var err error
	switch {
	case bytes.HasPrefix(head[:], []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(c)
	case string(head[:]) == "\xfd7zXZ\x00":
		r, err = xz.NewReader(c, maxDictionary)
	case bytes.HasPrefix(head[:], []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, derr := zstd.NewReader(c, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxModule), zstd.WithDecoderMaxWindow(maxDictionary))
		if derr == nil {
			defer d.Close()
		}
		r, err = d, derr
	default:
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compressed kernel module: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxModule+1))
	if err != nil {
		return nil, fmt.Errorf("compressed kernel module: %w", err)
	}
	if len(data) > maxModule {
		return nil, fmt.Errorf("a kernel module is larger than the limit of %d bytes", maxModule)
	}
	return bytes.NewReader(data), nil
}
