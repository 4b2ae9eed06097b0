package match

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/result"
)

// finding turns a group into its line of the report. What runs and what is
// exposed is filled in by package exposure.
func (g *group) finding(inv *inventory.Inventory, k Knowledge, enrich *enricher) (result.Finding, error) {
	f := result.Finding{
		Status:           g.key.status,
		SourcePackage:    g.key.source,
		InstalledVersion: g.key.version,
		FixedVersion:     g.fixed,
	}
	f.Key = findingKey(inv, g)
	if g.reboot {
		f.Restart = []string{"reboot"}
	}
	g.fillPackages(&f)
	if err := g.fillVulnerabilities(&f, enrich); err != nil {
		return f, err
	}
	g.fillGap(&f, k.Now)
	g.fillEvidence(&f)
	g.fillDisagreement(&f, inv, k)
	return f, nil
}

// findingKey names a finding so that waivers and later scans recognise it: the
// host's release, the source and its installed version. A fix that gets a
// newer version is still the same finding; an installed update ends it.
func findingKey(inv *inventory.Inventory, g *group) string {
	key := cmp.Or(inv.Release.ID, string(g.key.manager)) + ":" + g.key.source + "@" + g.key.version
	if g.key.status != result.StatusOpen {
		key += "#" + g.key.status
	}
	return key
}

func (g *group) fillPackages(f *result.Finding) {
	candidate := map[string]string{}
	for _, u := range g.updates {
		candidate[u.Package+":"+u.Arch] = cmp.Or(u.Candidate, u.Fixed)
	}
	for _, p := range g.packages {
		f.Packages = append(f.Packages, p.Name)
		f.Binaries = append(f.Binaries, result.Binary{
			Name: p.Name, Version: p.Version, Arch: p.Arch, Manager: string(p.Manager), Candidate: candidate[p.Name+":"+p.Arch],
		})
		f.Held = f.Held || p.Held
	}
	slices.Sort(f.Packages)
	f.Packages = slices.Compact(f.Packages)
	slices.SortFunc(f.Binaries, func(a, b result.Binary) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version))
	})
}

// fillVulnerabilities gathers every id, how bad each is, and the worst.
func (g *group) fillVulnerabilities(f *result.Finding, enrich *enricher) error {
	if g.noCode {
		no := false
		f.Severity, f.SeverityFrom, f.KEV = advisory.SeverityNone.String(), "carries no kernel code", &no
		return nil
	}
	rowOf := map[advisory.ID]*advisory.Row{}
	var asked []advisory.ID
	seen := map[*advisory.Row]bool{}
	for _, h := range g.hits {
		if seen[h.Row] {
			continue
		}
		seen[h.Row] = true
		for _, id := range h.Row.AllIDs() {
			f.IDs = append(f.IDs, string(id))
		}
		ids := h.Row.CVEs()
		if len(ids) == 0 {
			ids = []advisory.ID{h.Row.ID}
		}
		for _, id := range ids {
			if known := rowOf[id]; known == nil || h.Row.Severity > known.Severity {
				rowOf[id] = h.Row
			}
		}
		asked = append(asked, ids...)
	}
	named := namedByUpdates(g.updates)
	f.IDs = sortIDs(append(f.IDs, named...))
	for _, id := range named {
		if result.IsCVE(id) || len(asked) == 0 {
			asked = append(asked, advisory.ID(id))
		}
	}
	slices.Sort(asked)
	worst := advisory.SeverityUnknown
	for _, id := range slices.Compact(asked) {
		v, cve, err := enrich.vulnerability(id, rowOf[id])
		if err != nil {
			return err
		}
		f.Vulnerabilities = append(f.Vulnerabilities, v)
		worst = max(worst, g.worse(f, &v, rowOf[id], worst))
		noteCVE(f, cve, enrich.know.Now)
	}
	g.ratingOfUpdates(f, &worst)
	f.Severity = worst.String()
	f.KEV = anyExploited(f.Vulnerabilities)
	return nil
}

func namedByUpdates(updates []*inventory.Update) []string {
	var ids []string
	for _, u := range updates {
		ids = append(ids, u.IDs...)
	}
	return ids
}

// worse returns the severity of v, and notes where it comes from if it is the
// worst so far.
func (g *group) worse(f *result.Finding, v *result.Vulnerability, row *advisory.Row, worst advisory.Severity) advisory.Severity {
	severity := advisory.ParseRating(v.Severity)
	if v.Score != nil && (f.Score == nil || *v.Score > *f.Score) {
		f.Score = v.Score
	}
	if severity <= worst {
		return severity
	}
	switch {
	case v.Vector != "":
		f.SeverityFrom = "CVSS of " + v.ID
	case row != nil && row.Rating != "":
		f.SeverityFrom = "vendor rating " + row.Rating + " of " + string(row.ID)
	case row != nil:
		f.SeverityFrom = "rating of " + string(row.ID)
	}
	return severity
}

func (g *group) ratingOfUpdates(f *result.Finding, worst *advisory.Severity) {
	for _, u := range g.updates {
		if s := advisory.ParseRating(u.Severity); s > *worst {
			*worst = s
			f.SeverityFrom = "vendor rating " + u.Severity
		}
	}
}

// noteCVE takes over what the enrichment sources say of one CVE.
func noteCVE(f *result.Finding, cve *advisory.CVE, now time.Time) {
	if cve == nil {
		return
	}
	if cve.HasEPSS && (f.EPSS == nil || cve.EPSS > *f.EPSS) {
		epss := cve.EPSS
		f.EPSS = &epss
	}
	if cve.KEV == nil {
		return
	}
	e := result.KEVEntry{CVE: string(cve.ID), Added: cve.KEV.Added, Ransomware: cve.KEV.Ransomware, Name: cve.KEV.Name}
	if !cve.KEV.Due.IsZero() {
		due := cve.KEV.Due
		e.Due, e.Overdue = &due, now.After(due.AddDate(0, 0, 1))
	}
	f.KEVEntries = append(f.KEVEntries, e)
	f.Ransomware = f.Ransomware || e.Ransomware
}

// anyExploited is true if one is, nil if one could be, else false.
func anyExploited(all []result.Vulnerability) *bool {
	if len(all) == 0 {
		return nil
	}
	no := false
	answer := &no
	for i := range all {
		switch kev := all[i].KEV; {
		case kev == nil:
			answer = nil
		case *kev:
			return kev
		}
	}
	return answer
}

// fillGap counts from the oldest fix that is missing here.
func (g *group) fillGap(f *result.Finding, now time.Time) {
	if f.Status == result.StatusNoFix {
		return
	}
	var since time.Time
	for _, h := range g.hits {
		if d := h.Row.FixDate; !d.IsZero() && (since.IsZero() || d.Before(since)) {
			since, f.GapFrom = d, string(h.Row.ID)
		}
	}
	for _, u := range g.updates {
		if since.IsZero() && !u.Date.IsZero() {
			since, f.GapFrom = u.Date, cmp.Or(u.DateFrom, u.Archive)
		}
	}
	if since.IsZero() {
		return
	}
	days := max(0, int(now.Sub(since)/(24*time.Hour)))
	f.FixedSince, f.GapDays = &since, &days
}

func (g *group) fillEvidence(f *result.Finding) {
	seen := map[*advisory.Row]bool{} // binaries of one source share their rows
	for _, h := range g.hits {
		if seen[h.Row] {
			continue
		}
		seen[h.Row] = true
		detail := fmt.Sprintf("%s: no fix yet, installed %s", h.Row.ID, g.key.version)
		if h.Fixed != "" {
			detail = fmt.Sprintf("%s: fixed in %s, installed %s", h.Row.ID, h.Fixed, g.key.version)
		}
		f.Evidence = append(f.Evidence, result.Evidence{Kind: "advisory", Source: "osv/" + h.Row.Ecosystem.Family(), Detail: detail})
	}
	for _, u := range g.updates {
		detail := fmt.Sprintf("%s %s is installed, %s is in %s", u.Package, u.Installed, cmp.Or(u.Fixed, u.Candidate), u.Archive)
		if u.NewPackage {
			detail += " and brings a new package, which a plain upgrade keeps back"
		}
		f.Evidence = append(f.Evidence, result.Evidence{Kind: "package-manager", Source: u.Archive, Detail: detail})
	}
	switch {
	case g.reboot:
		f.Evidence = append(f.Evidence, result.Evidence{Kind: "kernel", Source: "kernel", Detail: "the kernel that runs is older than the fixed one on disk"})
	case g.key.status == result.StatusRestart:
		f.Evidence = append(f.Evidence, result.Evidence{Kind: "process", Source: "processes", Detail: "processes still run files of " + g.key.version + ", the version before the last upgrade"})
	}
}

// fillDisagreement says where the two kinds of evidence differ.
func (g *group) fillDisagreement(f *result.Finding, inv *inventory.Inventory, k Knowledge) {
	if k.Rows == nil || g.noCode || g.key.status != result.StatusOpen {
		return
	}
	switch {
	case len(g.updates) == 0 && archivesRead(inv, g.key.manager):
		f.Disagreement = "the advisories name a fix that no configured archive offers: check that the security archive is configured and current"
	case len(g.hits) == 0 && (g.covered || k.Complete):
		f.Disagreement = "the package manager offers a security update that the loaded advisories do not name"
	}
}

// archivesRead reports whether the package manager's own metadata were there.
func archivesRead(inv *inventory.Inventory, m inventory.Manager) bool {
	return m != inventory.APK && slices.ContainsFunc(inv.Archives, func(a inventory.Archive) bool { return a.Security })
}
