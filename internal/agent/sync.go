package agent

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/courier"
	"github.com/lockfast/lockfast/internal/feed"
)

// syncEvery is how old advisories may be before they are fetched anew. EPSS and
// KEV come out once a day.
const syncEvery = 24 * time.Hour

// syncAdvisories fetches what is new for a store that was synced before. One
// that was imported from files stays as it is: its site brings it.
func (t *turn) syncAdvisories(ctx context.Context) {
	store := t.o.Fix.Scan.Store
	if store == "" || t.o.Feed == nil {
		return
	}
	meta, err := feed.Status(store)
	if err != nil {
		return // the scan says so
	}
	due := false
	for _, s := range meta.Sources {
		due = due || strings.HasPrefix(s.Fetched, "http") && t.now().Sub(s.Current()) > syncEvery
	}
	if !due {
		return
	}
	t.o.Fix.Events.Phase("fetching advisories")
	o := *t.o.Feed
	o.Now = t.now()
	if t.o.asksCourier() {
		client := &courier.Client{Socket: Socket}
		o.Client = &http.Client{Transport: client.Transport()}
	}
	if _, err := feed.Sync(ctx, o, store); err != nil {
		t.trouble = append(t.trouble, "advisories could not be fetched; those of before are used: "+oneLine(err))
	}
}

// asksCourier reports whether what is wanted from the network goes through the
// courier.
func (o Options) asksCourier() bool { return o.Fix.Sandboxed && o.Site.Manager == "apt" }
