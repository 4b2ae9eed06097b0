package apt_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/apt"
	"github.com/lockfast/lockfast/internal/inventory"
)

// generated writes n stanzas of the length Debian's have, from a fixed seed.
func generated(n int) string {
	random := rand.New(rand.NewPCG(2001, 9))
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "Package: package-%d\nSource: source-%d\nVersion: %d.%d-%d+deb12u1\nInstalled-Size: %d\nMaintainer: Some Body <body@debian.org>\nArchitecture: amd64\n", i, i/3, random.IntN(20), random.IntN(100), random.IntN(9), random.IntN(1e6))
		fmt.Fprintf(&b, "Depends: libc6 (>= 2.36)%s\nDescription: %s\n", strings.Repeat(fmt.Sprintf(", package-%d (>= 1)", random.IntN(n)), random.IntN(10)), strings.Repeat("word ", 8))
		fmt.Fprintf(&b, "Section: misc\nPriority: optional\nFilename: pool/main/p/package-%d/package-%d.deb\nSize: %d\nSHA256: %064x\nTag: %s\n", i, i, random.IntN(1e7), random.Uint64(), strings.Repeat("role::program, ", random.IntN(16)))
	}
	return b.String()
}

func installed(n, step int) []inventory.Package {
	var all []inventory.Package
	for i := range n {
		p := pkg(fmt.Sprintf("package-%d", i*step), "1.0-1")
		p.Source = fmt.Sprintf("source-%d", i*step/3)
		all = append(all, p)
	}
	return all
}

// BenchmarkParsePackages reads a list of the size of Debian's main.
func BenchmarkParsePackages(b *testing.B) {
	text := []byte(generated(64000))
	names := map[string]bool{}
	for _, p := range installed(830, 77) {
		names[p.Name] = true
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		kept := 0
		err := apt.ParsePackages("p", bytes.NewReader(text), func(name, _ []byte) bool { return names[string(name)] }, func(apt.Stanza) error { kept++; return nil })
		if err != nil || kept != 830 {
			b.Fatal(kept, err)
		}
	}
}

// BenchmarkCollect reads a host of 830 packages: main and a security archive,
// lists plain or as apt compresses them, digests compared.
func BenchmarkCollect(b *testing.B) {
	big, small := generated(64000), generated(3000)
	for _, ending := range []string{"", ".lz4"} {
		b.Run("lists"+ending, func(b *testing.B) {
			m := debian(installed(830, 77)...)
			m.main(big)
			m.security(small)
			if ending != "" {
				data := m.fs[mainList].Data
				delete(m.fs, mainList)
				m.fs[mainList+ending] = &fstest.MapFile{Data: lz4ed(b, string(data))}
			}
			b.SetBytes(int64(len(big) + len(small)))
			b.ReportAllocs()
			for b.Loop() {
				inv := *m.inv
				if s := apt.New().Collect(context.Background(), collect.Host{FS: m.fs}, &inv); s.Outcome != inventory.Succeeded {
					b.Fatal(s)
				}
			}
		})
	}
}
