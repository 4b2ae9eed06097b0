package advisory

import (
	"encoding/binary"
	"math"
	"time"
)

// A CVE is encoded as the distance of its key from the one before, a byte of
// flags, and what they announce.
const (
	cveEPSS       = 1 << 0
	cveExact      = 1 << 1 // scores that are no multiples of 1e-9 are kept as they are
	cveVector     = 1 << 2
	cveKEV        = 1 << 3
	cveRansomware = 1 << 4
	cveDue        = 1 << 5
)

// scoreUnit is the resolution of stored probabilities. FIRST publishes at most
// nine decimals, so dividing gives the published number back exactly.
const scoreUnit = 1e9

const day = 24 * time.Hour

func appendCVE(b []byte, delta uint64, c *CVE) []byte {
	b = binary.AppendUvarint(b, delta)
	flags := cveFlags(c)
	b = append(b, flags)
	if flags&cveEPSS != 0 {
		b = appendScore(b, c.EPSS, flags)
		b = appendScore(b, c.Percentile, flags)
	}
	if flags&cveVector != 0 {
		b = appendText(b, c.CVSS)
		b = append(b, byte(c.Severity))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.Score))
	}
	if flags&cveKEV != 0 {
		b = binary.AppendVarint(b, c.KEV.Added.Unix()/int64(day/time.Second))
		if flags&cveDue != 0 {
			b = binary.AppendVarint(b, c.KEV.Due.Unix()/int64(day/time.Second))
		}
		b = appendText(b, c.KEV.Name)
	}
	return b
}

func cveFlags(c *CVE) byte {
	flags := byte(0)
	if c.HasEPSS {
		flags |= cveEPSS
		if !isUnits(c.EPSS) || !isUnits(c.Percentile) {
			flags |= cveExact
		}
	}
	if c.CVSS != "" {
		flags |= cveVector
	}
	if c.KEV == nil {
		return flags
	}
	flags |= cveKEV
	if c.KEV.Ransomware {
		flags |= cveRansomware
	}
	if !c.KEV.Due.IsZero() {
		flags |= cveDue
	}
	return flags
}

func isUnits(score float64) bool {
	return score >= 0 && score <= 1 && math.Round(score*scoreUnit)/scoreUnit == score
}

func appendScore(b []byte, score float64, flags byte) []byte {
	if flags&cveExact != 0 {
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(score))
	}
	return binary.LittleEndian.AppendUint32(b, uint32(math.Round(score*scoreUnit)))
}

// cve decodes what follows a key.
func (r *rowReader) cve(c *CVE) {
	flags := r.byte()
	if flags&cveEPSS != 0 {
		c.HasEPSS = true
		c.EPSS, c.Percentile = r.score(flags), r.score(flags)
	}
	if flags&cveVector != 0 {
		c.CVSS, c.Severity = r.text(), Severity(r.byte())
		c.Score = math.Float64frombits(r.fixed(8))
	}
	if flags&cveKEV == 0 {
		return
	}
	c.KEV = &KEV{Added: r.date(), Ransomware: flags&cveRansomware != 0}
	if flags&cveDue != 0 {
		c.KEV.Due = r.date()
	}
	c.KEV.Name = r.text()
}

func (r *rowReader) score(flags byte) float64 {
	if flags&cveExact != 0 {
		return math.Float64frombits(r.fixed(8))
	}
	return float64(r.fixed(4)) / scoreUnit
}

func (r *rowReader) date() time.Time {
	n := r.number()
	days := int64(n>>1) ^ -int64(n&1)
	return time.Unix(days*int64(day/time.Second), 0).UTC()
}

// fixed reads a little-endian number of so many bytes.
func (r *rowReader) fixed(size int) uint64 {
	if len(r.s) < size {
		r.bad, r.s = true, ""
		return 0
	}
	n := uint64(0)
	for i := range size {
		n |= uint64(r.s[i]) << (8 * i)
	}
	r.s = r.s[size:]
	return n
}
