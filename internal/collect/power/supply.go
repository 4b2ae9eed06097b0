package power

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// https://docs.kernel.org/power/power_supply_class.html and
// Documentation/ABI/testing/sysfs-class-power of the kernel.
const (
	supplies     = "sys/class/power_supply"
	mostSupplies = 64 // a notebook has three
)

// supply is what one folder says of a supply: property name to value.
type supply struct {
	fsys fs.FS
	dir  string
}

// get is a property; "" is one that is not there or cannot be read, as that of
// a battery which is just being taken out.
func (p supply) get(name string) string {
	const limit = 4096
	data, err := hostfs.ReadLimited(p.fsys, path.Join(p.dir, name), limit)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// number is a property that counts something; -1 is none.
func (p supply) number(name string) int64 {
	n, err := strconv.ParseInt(p.get(name), 10, 64)
	if err != nil || n < 0 || n > 1e12 { // a container ship's battery, in microwatt hours
		return -1
	}
	return n
}

// lookAtSupplies: a host is on its battery if one gives current and no mains
// does. Those of a mouse or a headset do not count.
func (s *State) lookAtSupplies(fsys fs.FS) {
	entries, err := fs.ReadDir(fsys, supplies)
	if err == nil && len(entries) > mostSupplies {
		err = fmt.Errorf("there are %d of them", len(entries))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("this kernel shows none")
	}
	if err != nil {
		s.note(fmt.Sprintf("cannot see the power supplies in /%s: %v", supplies, err))
		return
	}
	var seen balance
	for _, e := range entries {
		seen.add(supply{fsys, path.Join(supplies, e.Name())})
	}
	s.Charge = seen.charge()
	var odd string
	if s.OnBattery, odd = seen.onBattery(); s.OnBattery == nil {
		s.note(fmt.Sprintf("cannot see whether this host runs on its battery: /%s/%s does not say what it does", supplies, odd))
	}
}

// balance is what the supplies of a host say together.
type balance struct {
	mains, discharging bool
	odd                struct{ mains, source string } // those that do not say what they do
	batteries          []supply
}

func (b *balance) add(p supply) {
	if p.get("scope") == "Device" {
		return
	}
	switch kind := p.get("type"); {
	case kind == "Mains", strings.HasPrefix(kind, "USB"), kind == "Wireless":
		switch p.number("online") {
		case -1:
			b.odd.mains = path.Base(p.dir)
		case 0:
		default: // 1, and 2 with a voltage that was agreed on
			b.mains = true
		}
	case kind == "Battery":
		if p.get("present") != "0" { // a slot without one
			b.batteries = append(b.batteries, p)
			b.source(p)
		}
	case kind == "UPS":
		b.source(p)
	}
}

func (b *balance) source(p supply) {
	switch p.get("status") {
	case "Discharging":
		b.discharging = true
	case "Charging", "Not charging", "Full":
	default:
		b.odd.source = path.Base(p.dir)
	}
}

// onBattery is nil, with the supply's name, where one that does not say what it
// does would decide it.
func (b *balance) onBattery() (yes *bool, odd string) {
	switch {
	case b.mains:
		return new(false), ""
	case b.discharging && b.odd.mains != "":
		return nil, b.odd.mains
	case !b.discharging && b.odd.source != "":
		return nil, b.odd.source
	}
	return new(b.discharging), ""
}

// charge weighs each battery by what it holds when full, if all say so; it is
// nil if one says nothing.
func (b *balance) charge() *int {
	var have, full, percent, counted int64
	weighed := true
	for _, p := range b.batteries {
		now, most := p.number("energy_now"), p.number("energy_full")
		if now < 0 || most <= 0 {
			weighed = false
		}
		have, full = have+now, full+most
		if n := p.number("capacity"); n >= 0 && n <= 100 {
			percent, counted = percent+n, counted+1
		}
	}
	switch {
	case weighed && full > 0:
		return new(int(min(100, have*100/full)))
	case counted > 0 && counted == int64(len(b.batteries)):
		return new(int(percent / counted))
	}
	return nil
}
