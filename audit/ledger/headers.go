package ledger

import (
	"context"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck/index"
	"github.com/depaudit/depaudit/lockcheck/trust"
	"github.com/depaudit/depaudit/sbom"
)

// readHeaders verifies the headers of rpm's database. A header that a trusted key
// signed has the digest of every file of its package, so that no index and no
// artifact is needed. Where keys of the auditor signed packages of this system, a
// package by another key is foreign, and one without a signature is local;
// without any such key there is nothing to compare with.
func (e *engine) readHeaders(ctx context.Context) error {
	db := e.files.DB()
	if db == nil || !strings.Contains(db.Kind, "rpm") {
		return nil
	}
	keys, err := trust.Open(e.request.Trust)
	if err != nil {
		return err
	}
	signatures := map[int32]trust.Signature{}
	signed := 0
	err = db.Headers(ctx, func(i int, header []byte) error {
		at := e.packages[i]
		if at < 0 {
			return nil
		}
		s, err := keys.VerifyRPM(header)
		switch {
		case err != nil:
			s.Problem = err.Error()
			fallthrough
		case s.Forged():
			e.gaps = append(e.gaps, sbom.Gap{Kind: sbom.GapMalformed, Path: e.firstPath(at), Detail: sbom.Escape("package " + db.Components[i].Name + ": " + s.Problem)})
		case s.Good():
			signed++
		}
		signatures[at] = s
		return nil
	})
	if err != nil && ctx.Err() == nil {
		e.gaps = append(e.gaps, sbom.Gap{Kind: sbom.GapUnreadable, Detail: sbom.Escape(err.Error())})
	}
	for at, s := range signatures {
		e.takeSignature(at, s, signed > 0)
	}
	return ctx.Err()
}

// takeSignature sets the evidence of a package of rpm. known reports whether a
// trusted key signed any package of the system.
func (e *engine) takeSignature(at int32, s trust.Signature, known bool) {
	c := &e.state[at]
	q := &c.proof
	if q.Evidence != "" {
		return // of an index
	}
	switch {
	case s.Good():
		c.header = true
		q.Evidence, q.Detail = audit.EvidenceHeader, "header signed by "+sbom.Escape(s.Key.Name)
	case s.Key != nil || s.KeyID == "":
		q.Detail = sbom.Escape(s.Problem)
		if s.Key == nil && known && !s.Forged() {
			q.Evidence = index.Local
		}
	default:
		q.Detail = "header signed by the key " + s.KeyID + ", which is not trusted (add its file to trust)"
		if known {
			q.Evidence = index.Foreign
		}
	}
}

func (e *engine) firstPath(at int32) string {
	if p := e.doc.Components[at].Paths; len(p) > 0 {
		return p[0]
	}
	return ""
}
