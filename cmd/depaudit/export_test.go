package main

import (
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/fleet"
)

func TestOrigin(t *testing.T) {
	release := &bundle.Manifest{Date: time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)}
	for _, test := range []struct {
		place, stated string
		release       *bundle.Manifest
		want          fleet.Origin
	}{
		{place: "reports/date=2026-11-28/cpython/docs.json", want: fleet.Origin{Date: "2026-11-28", Source: "reports/cpython/docs"}},
		{place: "reports/2026-11-28/docs.json", want: fleet.Origin{Date: "2026-11-28", Source: "reports/docs"}},
		{place: "docs/2026-11-28.json", want: fleet.Origin{Date: "2026-11-28", Source: "docs"}},
		{place: "2026-11-28.json", want: fleet.Origin{Date: "2026-11-28", Source: "."}},
		{place: "date=2026-11-27/date=2026-11-28/a.json", want: fleet.Origin{Date: "2026-11-28", Source: "date=2026-11-27/a"}},
		{place: "date=2026-11-28/a.json", stated: "2026-11-29", want: fleet.Origin{Date: "2026-11-29", Source: "a"}},
		{place: "/r/a.json", stated: "2026-11-29", want: fleet.Origin{Date: "2026-11-29", Source: "/r/a"}},
		{place: "date=2026-02-30/a.json", want: fleet.Origin{Source: "date=2026-02-30/a"}},
		{place: "date=1969-12-31/a.json", want: fleet.Origin{Source: "date=1969-12-31/a"}},
		{place: "releases/v1.0/report.json", release: release, want: fleet.Origin{Date: "2026-03-01", Source: "releases", Release: "v1.0"}},
		{place: "v1.0/report.json", release: release, want: fleet.Origin{Date: "2026-03-01", Source: ".", Release: "v1.0"}},
		{place: "report.json", release: release, want: fleet.Origin{Date: "2026-03-01", Source: ".", Release: "depaudit"}},
		{place: "../report.json", release: release, want: fleet.Origin{Date: "2026-03-01", Source: "..", Release: "cmd"}},
		{place: "date=2026-11-28/curl/report.json", release: release, want: fleet.Origin{Date: "2026-11-28", Source: ".", Release: "curl"}},
		{place: "registry.example.org/app/1.0/report.json", release: release, want: fleet.Origin{Date: "2026-03-01", Source: "registry.example.org/app", Release: "1.0"}},
		{place: "r/a\xff\xfe\ufffdé.json", stated: "2026-11-28", want: fleet.Origin{Date: "2026-11-28", Source: `r/a\xff\xfe` + "\ufffdé"}},
	} {
		if got := originOf(&saved{place: test.place, release: test.release}, test.stated); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.place, got, test.want)
		}
	}
}
