package process_test

import (
	"context"
"fmt"
	"os"
	"testing"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/dpkg"
	"github.com/lockfast/lockfast/internal/collect/process"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

func TestTry(t *testing.T) {
	root, _ := hostfs.Open("/")
	inv := &inventory.Inventory{}
	st := process.New(dpkg.Collector{}).Collect(t.Context(), collect.Host{FS: root, Live: true, Privileged: os.Geteuid() == 0}, inv)
	fmt.Println(st, inv.Gaps)
	for _, p := range inv.Processes {
		fmt.Printf("%+v\n", p)
	}
}
func BenchmarkTry(b *testing.B) {
	root, _ := hostfs.Open("/")
	for b.Loop() {
		inv := &inventory.Inventory{}
		process.New(none{}).Collect(b.Context(), collect.Host{FS: root, Live: true, Privileged: os.Geteuid() == 0}, inv)
	}
}
type none struct{}
func (none) Owners(context.Context, collect.Host, []string) (map[string]string, error) { return nil, nil }
