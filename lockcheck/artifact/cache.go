package artifact

// cache keeps manifests.
type cache struct{}

func openCache(dir string, warn func(string)) *cache { return nil }

func (c *cache) load(k Kind, digest string) *Manifest    { return nil }
func (c *cache) save(k Kind, digest string, m *Manifest) {}
