package change_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/change/changetest"
	"github.com/lockfast/lockfast/internal/plan"
)

// summed gives every line its checksum.
func summed(lines []byte) (log []byte) {
	for line := range bytes.Lines(lines) {
		text := bytes.TrimSuffix(line, []byte("\n"))
		log = fmt.Appendf(log, "%08x %s\n", crc32.ChecksumIEEE(text), text)
	}
	return log
}

// FuzzLoad reads journals that anything may have happened to: what is accepted
// can be taken back or refused, but never panics.
func FuzzLoad(f *testing.F) {
	w := changetest.New()
	w.Sysctls.Values = map[string]string{"net.a": "0"}
	w.Files.Add("/etc", plan.File{Type: plan.Dir}, "")
	absent := plan.File{Type: plan.Absent}
	p := steps(sysctl(), plan.Step{
		Kind: plan.WriteFile, Object: "/etc/f", Content: []byte("1"), Expect: plan.State{File: &absent}, Want: plan.State{File: regular("1")},
	})
	e, _ := w.Engine()
	tx, err := e.Run(f.Context(), p, change.Options{})
	if err != nil {
		f.Fatal(err)
	}
	log := w.Storage.Files[tx.ID+"/log"]
	f.Add(log, false)
	for at := 0; at < len(log); at += 37 {
		f.Add(log[:at], false)
		f.Add(slices.Concat(log[:at], log[at/2:]), false)
		f.Add(slices.Concat(log[:at], []byte("~\n")), false)
	}
	var bare []byte
	for line := range bytes.Lines(log) {
		bare = append(bare, line[9:]...)
	}
	f.Add(bare, true)
	files := maps.Clone(w.Storage.Files)
	f.Fuzz(func(t *testing.T, log []byte, sum bool) {
		if sum { // so that what is in the lines is looked at too
			log = summed(log)
		}
		w := changetest.New()
		w.Sysctls.Values = map[string]string{"net.a": "1"}
		w.Files.Add("/etc", plan.File{Type: plan.Dir}, "")
		w.Storage.Files = maps.Clone(files)
		w.Storage.Files[tx.ID+"/log"] = log
		e, j := w.Engine()
		loaded, err := j.Load(tx.ID)
		if err != nil {
			return
		}
		_ = e.Recover(t.Context(), loaded, change.RollBack)
		if _, err := j.Load(tx.ID); err != nil {
			t.Errorf("cannot be read after recovery: %v", err)
		}
	})
}
