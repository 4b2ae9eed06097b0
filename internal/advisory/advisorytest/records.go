package advisorytest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
)

// DebianRecords is how many of the records are Debian's, from the first on.
const DebianRecords = 45_000

// packages is how many source packages have records, as in Debian.
const packages = 3_500

// Package returns the name of a source package; those with small numbers have
// the most records, number 0 thousands.
func Package(i int) string { return fmt.Sprintf("%s-%d", stem(i), i) }

func stem(i int) string {
	return []string{"linux", "openssl", "curl", "imagemagick", "php", "libxml", "python", "samba", "ruby", "glib"}[i%10]
}

// Record returns record number i of the series a seed begins, as an OSV document.
func Record(seed uint64, i int) []byte {
	rng := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // figures have to come out the same again
	if i < DebianRecords {
		return debian(rng, i)
	}
	return other(rng, i)
}

// Rows returns the rows of record number i.
func Rows(seed uint64, i int) ([]advisory.Row, error) { return advisory.ParseOSV(Record(seed, i)) }

// Zip returns the first n records as a zip, as osv.dev publishes an ecosystem.
func Zip(seed uint64, n int) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for i := range n {
		member, err := archive.Create(fmt.Sprintf("%07d.json", i))
		if err != nil {
			return nil, err
		}
		if _, err := member.Write(Record(seed, i)); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

type object = map[string]any

func debian(rng *rand.Rand, i int) []byte {
	cve := cveID(i)
	name := Package(skewed(rng))
	var affected []object
	for release := 11; release <= 11+rng.IntN(4); release++ {
		affected = append(affected, entry(fmt.Sprintf("Debian:%d", release), name, debianVersion(rng, release), rng.IntN(4) > 0))
	}
	return encode(object{
		"schema_version": "1.7.3", "id": "DEBIAN-" + cve, "upstream": []string{cve},
		"modified": date(rng), "published": date(rng), "details": prose(rng, 500), "affected": affected,
		"severity":   []object{{"type": "CVSS_V3", "score": vector(rng)}},
		"references": []object{{"type": "ADVISORY", "url": "https://security-tracker.debian.org/tracker/" + cve}},
	})
}

func other(rng *rand.Rand, i int) []byte {
	cve, name := cveID(i), Package(skewed(rng))
	record := object{
		"schema_version": "1.7.3", "modified": date(rng), "published": date(rng), "details": prose(rng, 900),
		"references": []object{{"type": "REPORT", "url": "https://www.cve.org/CVERecord?id=" + cve}},
	}
	number := fmt.Sprintf("%d:%05d", 2019+i%8, i)
	switch i % 5 {
	case 0:
		record["id"], record["upstream"] = "UBUNTU-"+cve, []string{cve}
		record["severity"] = []object{{"type": "Ubuntu", "score": "medium"}}
		record["affected"] = []object{
			entry("Ubuntu:22.04:LTS", name, debianVersion(rng, 22), rng.IntN(3) > 0),
			entry("Ubuntu:24.04:LTS", name, debianVersion(rng, 24), rng.IntN(3) > 0),
		}
	case 1:
		record["id"], record["related"] = "ALSA-"+number, []string{cve, cveID(i + 1)}
		record["summary"] = "Important: " + name + " security update"
		record["affected"] = binaries(rng, "AlmaLinux:9", name, 12)
	case 2:
		record["id"], record["upstream"] = "RHSA-"+number, []string{cve}
		record["summary"] = "Moderate: " + name + " security update"
		record["affected"] = binaries(rng, "Red Hat:enterprise_linux:9::appstream", name, 8)
	case 3:
		record["id"], record["upstream"] = fmt.Sprintf("SUSE-SU-%d:%05d-1", 2019+i%8, i), []string{cve}
		record["affected"] = []object{entry("SUSE:Linux Enterprise Server 15 SP5", name, rpmVersion(rng), true)}
	default:
		record["id"], record["upstream"] = "ALPINE-"+cve, []string{cve}
		record["affected"] = []object{entry("Alpine:v3.20", name, fmt.Sprintf("%d.%d.%d-r%d", rng.IntN(9), rng.IntN(30), rng.IntN(20), rng.IntN(9)), true)}
	}
	return encode(record)
}

func binaries(rng *rand.Rand, eco, name string, most int) []object {
	version := rpmVersion(rng)
	list := []object{entry(eco, name, version, true)}
	for _, part := range []string{"-libs", "-devel", "-doc", "-tools", "-common", "-server", "-client", "-plugins", "-static", "-lang", "-test"}[:rng.IntN(most)] {
		list = append(list, entry(eco, name+part, version, true))
	}
	return list
}

func entry(eco, name, fixed string, hasFix bool) object {
	events := []object{{"introduced": "0"}}
	if hasFix {
		events = append(events, object{"fixed": fixed})
	}
	return object{
		"package": object{"ecosystem": eco, "name": name, "purl": "pkg:generic/" + name},
		"ranges":  []object{{"type": "ECOSYSTEM", "events": events}},
	}
}

func encode(record object) []byte {
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		panic("internal error: " + err.Error()) // strings and lists always encode
	}
	return data
}

func cveID(i int) string { return fmt.Sprintf("CVE-%d-%04d", 2014+i%13, 1000+i/13) }

// skewed picks a package: a fifteenth of the records are the first one's.
func skewed(rng *rand.Rand) int {
	u := rng.Float64()
	return int(packages * u * u * u)
}

func debianVersion(rng *rand.Rand, release int) string {
	return fmt.Sprintf("%d.%d.%d-%d+deb%du%d", rng.IntN(9), rng.IntN(30), rng.IntN(20), 1+rng.IntN(5), release, 1+rng.IntN(9))
}

func rpmVersion(rng *rand.Rand) string {
	return fmt.Sprintf("%d.%d.%d-%d.el9_%d", rng.IntN(9), rng.IntN(30), rng.IntN(20), 1+rng.IntN(80), rng.IntN(7))
}

func date(rng *rand.Rand) string {
	from := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	return from.Add(time.Duration(rng.IntN(7*365*24*3600)) * time.Second).Format(time.RFC3339)
}

func vector(rng *rand.Rand) string {
	pick := func(values string) byte { return values[rng.IntN(len(values))] }
	return fmt.Sprintf("CVSS:3.1/AV:%c/AC:%c/PR:%c/UI:%c/S:%c/C:%c/I:%c/A:%c",
		pick("NALP"), pick("LH"), pick("NLH"), pick("NR"), pick("UC"), pick("NLH"), pick("NLH"), pick("NLH"))
}

func prose(rng *rand.Rand, length int) string {
	words := strings.Fields("a remote attacker could use this flaw in the parser to cause memory corruption crash denial of service read out of bounds via crafted request header overflow integer heap stack")
	var text strings.Builder
	for text.Len() < length {
		text.WriteString(words[rng.IntN(len(words))])
		text.WriteByte(' ')
	}
	return text.String()
}
