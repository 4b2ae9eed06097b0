package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/feed"
	"github.com/lockfast/lockfast/internal/secure"
)

func (a *app) advisoriesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "advisories",
		Short: "Build and look at the advisory store that scan reads",
		Long: `Compile OSV records, the KEV catalogue, EPSS scores and CVE records into one
compact file, the advisory store, and say what a store holds.

EXIT STATUS
  0  done
  2  usage error
  3  an input could not be read or fetched; the old store is untouched`,
		Example: `  lockfast advisories sync
  lockfast advisories import --out advisories.store osv.zip kev.json epss.csv.gz
  lockfast advisories status`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.importCommand(), a.syncCommand(), a.statusCommand())
	return cmd
}

func (a *app) importCommand() *cobra.Command {
	var out string
	var partial []string
	var o feed.Options
	cmd := &cobra.Command{
		Use:   "import PATH…",
		Short: "Compile files and folders into a store",
		Long: `Compile advisory data into a store. PATH is a file or a folder: OSV zips as
published by osv.dev, OSV records as JSON, the KEV catalogue, EPSS scores
(.csv or .csv.gz), CVE records (NVD JSON 2.0 or CVE 5.x). What a file is, is
found out from its content. The store is replaced as a whole, or, if anything
cannot be read, not at all.

EXIT STATUS
  0  the store was written
  2  usage error
  3  an input could not be read, or the store could not be written; the old
     store is untouched`,
		Example: `  lockfast advisories import Debian/all.zip known_exploited_vulnerabilities.json epss_scores-current.csv.gz
  lockfast advisories import --out advisories.store --partial "Debian:12=our mirror keeps main only" records/`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name the paths of files or folders to import")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Partial, err = partialReleases(partial); err != nil {
				return err
			}
			a.stamp(&o)
			meta, err := feed.Import(cmd.Context(), o, a.storeFor(out), args)
			if err != nil {
				return err
			}
			return a.printMeta(a.storeFor(out), meta)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "store file to write (default the configured one, else "+defaultStore+")")
	flags.BoolVar(&o.Add, "add", false, "keep the other sources of the store that is there")
	flags.BoolVar(&o.SkipBad, "skip-bad", false, "leave out records that cannot be read; their release is then marked partial")
	flags.StringArrayVar(&partial, "partial", nil, "`ECOSYSTEM=REASON`: mark a release as not completely covered")
	return cmd
}

// stamp notes when and by what a store is made, and where skipped records are
// told.
func (a *app) stamp(o *feed.Options) {
	o.Now, o.Tool = time.Now().UTC(), "lockfast "+version
	o.Skipped = func(err error) { _, _ = fmt.Fprintf(a.stderr, "lockfast: left out: %v\n", err) }
}

// partialReleases reads ECOSYSTEM=REASON.
func partialReleases(list []string) (map[advisory.Ecosystem]string, error) {
	partial := map[advisory.Ecosystem]string{}
	for _, entry := range list {
		name, reason, ok := strings.Cut(entry, "=")
		if !ok || name == "" || reason == "" {
			return nil, usagef("--partial %q: want ECOSYSTEM=REASON, as in Debian:12=main only", entry)
		}
		partial[advisory.Ecosystem(name)] = reason
	}
	return partial, nil
}

// storeFor is where a store is written or read when no file is named.
func (a *app) storeFor(flag string) string {
	return cmp.Or(flag, a.config.Advisories, defaultStore)
}

func (a *app) syncCommand() *cobra.Command {
	var out string
	var o feed.SyncOptions
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Fetch what is new from the public sources and rebuild the store",
		Long: `Fetch OSV records of this host's distribution, the KEV catalogue and EPSS scores
from their publishers, only what has changed, and rebuild the store. Broken
downloads are resumed. Data fetched this way rest on HTTPS alone, and every
report says so.

EXIT STATUS
  0  the store is current
  2  usage error
  3  something could not be fetched or read; the old store is untouched`,
		Example: `  lockfast advisories sync
  lockfast advisories sync --ecosystem Debian --ecosystem AlmaLinux
  lockfast advisories sync --osv https://mirror.example/osv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.sync(cmd.Context(), o, out)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "store file to write (default the configured one, else "+defaultStore+")")
	flags.StringVar(&o.Cache, "cache", feedCache, "folder for what was fetched")
	flags.StringArrayVar(&o.Families, "ecosystem", nil, "distribution to fetch, as OSV names it (default this host's)")
	flags.StringVar(&o.OSV, "osv", "", "base address of OSV's exports (default "+feed.DefaultOSV+")")
	flags.StringVar(&o.KEV, "kev", "", "address of the KEV catalogue, or none (default "+feed.DefaultKEV+")")
	flags.StringVar(&o.EPSS, "epss", "", "address of the EPSS scores, or none (default "+feed.DefaultEPSS+")")
	flags.BoolVar(&o.AllowHTTP, "allow-http", false, "accept addresses without https beyond this machine")
	return cmd
}

// feedCache is where what was fetched is kept, so that only news are fetched.
const feedCache = "/var/cache/lockfast/feeds"

// feeds fills what was not asked for from the configuration and the host.
func (a *app) feeds(ctx context.Context, o feed.SyncOptions) (feed.SyncOptions, error) {
	o.OSV = cmp.Or(o.OSV, a.config.Feeds.OSV)
	o.KEV = cmp.Or(o.KEV, a.config.Feeds.KEV)
	o.EPSS = cmp.Or(o.EPSS, a.config.Feeds.EPSS)
	if len(o.Families) == 0 {
		o.Families = a.config.Feeds.Ecosystems
	}
	if len(o.Families) == 0 {
		release, err := secure.HostRelease(ctx)
		if err != nil {
			return o, fmt.Errorf("%w; name a distribution with --ecosystem", err)
		}
		if o.Families = feed.Families(release); len(o.Families) == 0 {
			return o, usagef("no advisories are known for %s; name a distribution with --ecosystem", release.ID)
		}
	}
	a.stamp(&o.Options)
	return o, nil
}

func (a *app) sync(ctx context.Context, o feed.SyncOptions, out string) error {
	o, err := a.feeds(ctx, o)
	if err != nil {
		return err
	}
	meta, err := feed.Sync(ctx, o, a.storeFor(out))
	if err != nil {
		return err
	}
	return a.printMeta(a.storeFor(out), meta)
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [STORE]",
		Short: "Say what a store holds and how old it is",
		Long: `List a store's sources with date and age, and the releases it covers.

EXIT STATUS
  0  the store can be read
  2  usage error
  3  it is missing or damaged`,
		Example: `  lockfast advisories status
  lockfast advisories status advisories.store --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := a.storeFor("")
			if len(args) == 1 {
				path = args[0]
			}
			meta, err := feed.Status(path)
			if err != nil {
				return err
			}
			return a.printMeta(path, meta)
		},
	}
}

// metaDocument is what advisories status --json prints.
type metaDocument struct {
	Schema string `json:"schema"`
	Path   string `json:"path"`
	advisory.Meta
}

func (a *app) printMeta(path string, meta advisory.Meta) error {
	if a.json {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		return e.Encode(metaDocument{Schema: "lockfast.advisories/1", Path: path, Meta: meta})
	}
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // Flush reports what failed
	line("%s\n\nSOURCE\tRECORDS\tDATE\tAGE\tFETCHED\n", path)
	now := time.Now()
	for _, s := range meta.Sources {
		line("%s\t%d\t%s\t%d days\t%s\n", s.Name, s.Records, s.Date.Format(time.DateOnly), max(0, int(now.Sub(s.Current()).Hours()/24)), cmp.Or(s.Fetched, "files"))
	}
	line("\nRELEASE\tRECORDS\tPACKAGES\tNEWEST\tCOVERAGE\n")
	for _, c := range meta.Coverage {
		line("%s\t%d\t%d\t%s\t%s\n", c.Ecosystem, c.Records, c.Packages, c.Newest.Format(time.DateOnly), cmp.Or(c.Partial, "complete"))
	}
	return w.Flush()
}
