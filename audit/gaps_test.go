package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

func TestMergeGaps(t *testing.T) {
	waiver := &ExceptionRef{Reason: "r", Owner: "o", Expires: "2030-01-01"}
	denied := func(path string, waived *ExceptionRef) Gap {
		return Gap{Gap: sbom.Gap{Kind: sbom.GapPermission, Path: path, Detail: "d"}, Waived: waived}
	}
	torn := Gap{Gap: sbom.Gap{Kind: sbom.GapMalformed, Path: "/t", Detail: "torn"}}
	merged := func(detail string, waived *ExceptionRef) Gap {
		return Gap{Gap: sbom.Gap{Kind: sbom.GapPermission, Detail: detail}, Waived: waived}
	}
	for _, test := range []struct{ in, want []Gap }{
		{nil, nil},
		{[]Gap{torn, denied("/a", nil)}, []Gap{torn, denied("/a", nil)}},
		{[]Gap{denied("/a", nil), torn, denied("/b", nil)}, []Gap{merged("2 paths only root can read: run with sudo, or waive them (/a, /b)", nil), torn}},
		{[]Gap{denied("/a", nil), denied("/b", waiver), denied("/c", nil), denied("/d", nil), denied("/e", nil), denied("/f", waiver)},
			[]Gap{merged("4 paths only root can read: run with sudo, or waive them (/a, /c, /d and 1 more)", nil),
				merged("2 paths only root can read: run with sudo, or waive them (/b, /f)", waiver)}},
	} {
		if diff := cmp.Diff(test.want, MergeGaps(test.in)); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", test.in, diff)
		}
	}
}
