package report_test

import (
	"time"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/stay"
)

var stayNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// stayWaits is a host on which everything is in order and waits for Sunday.
func stayWaits() *stay.Status {
	gap := 12
	window := time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC)
	return &stay.Status{
		Schema: stay.StatusSchema, Generated: stayNow, Host: "web1", On: true, Mode: stay.Auto, Windows: []string{"Sun 02:00-05:00 Europe/Berlin"},
		Reboot: stay.RebootWindow, Level: "3 fixes missing, the oldest for 12 days", Looked: stayNow.Add(-2 * time.Hour),
		Summary: result.Summary{Fixable: 3, WorstGapDays: &gap}, Check: stay.Check{Tried: stayNow.Add(-2 * time.Hour), OK: stayNow.Add(-2 * time.Hour)},
		Pending: &stay.Pending{
			ID: "0123456789abcdef", Found: stayNow.Add(-26 * time.Hour), Updates: 5, Bytes: 19 << 20, Downloaded: stayNow.Add(-26 * time.Hour),
			Packages: []string{"nginx 1.22.1-9 → 1.22.1-9+deb12u3", "nginx-common 1.22.1-9 → 1.22.1-9+deb12u3", "openssl 3.0.15 → 3.0.16", "libssl3 3.0.15 → 3.0.16", "linux-image-6.1.0-41-amd64 (new) 6.1.158-1"},
		},
		Waits: []stay.Wait{
			{What: "installing 5 updates", For: "window", Why: "it is outside the maintenance window", Until: window, Since: stayNow.Add(-26 * time.Hour)},
			{What: "restarting systemd-logind.service", For: "person", Why: "replaced code still runs", Do: "systemctl restart systemd-logind.service, or restart the host"},
		},
		Person: []stay.Person{
			{What: "postgresql-15 15.9-0+deb12u1", Why: "it is not safe to undo: its files may change their format", Do: "lockfast fix apply --accept-one-way --only postgresql-15"},
			{What: "/etc/nginx/nginx.conf", Why: "your version was kept; the package's new one lies beside it", Do: "compare it with /etc/nginx/nginx.conf.dpkg-dist"},
		},
		Last:    &stay.Outcome{At: stayNow.Add(-6 * 24 * time.Hour), Transaction: transaction, Status: "done", Updates: 7},
		Success: stayNow.Add(-6 * 24 * time.Hour), Window: &stay.Span{Start: window, End: window.Add(3 * time.Hour)}, Next: stayNow.Add(4 * time.Hour),
	}
}

// stayGivenUp is a host on which nothing is right.
func stayGivenUp() *stay.Status {
	return &stay.Status{
		Schema: stay.StatusSchema, Generated: stayNow, Host: "web2", On: true, Mode: stay.Auto, Reboot: stay.RebootNever,
		Level: "open to 1 hole that is known to be exploited and may be reached", Looked: stayNow.Add(-30 * time.Minute), Exploited: []string{"openssl@3.0.16"},
		Check:   stay.Check{Tried: stayNow.Add(-time.Minute), OK: stayNow.Add(-30 * time.Hour), Failures: 4, Error: "cannot refresh apt's lists: the repository is not signed"},
		Last:    &stay.Outcome{At: stayNow.Add(-time.Hour), Transaction: transaction, Status: "needs a person", Code: 5, Updates: 2, Error: "dpkg is stuck"},
		GivenUp: &stay.GivenUp{At: stayNow.Add(-time.Hour), Why: "an installation failed and needs a person: dpkg is stuck"}, Paused: stayNow.Add(time.Hour),
		Trouble: []string{"the host was not restarted: hook /etc/lockfast/hooks.d/drain (pre-reboot) failed with exit code 1"}, Next: stayNow.Add(5 * time.Minute),
		Exit: result.Exit{Code: 5, Reasons: []string{"an installation failed and needs a person: dpkg is stuck"}},
	}
}
