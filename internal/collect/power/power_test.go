package power_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/collect/power"
	"github.com/lockfast/lockfast/internal/hostexec"
)

type answers struct {
	out  string
	code int
	err  error
}

func (a answers) Run(context.Context, hostexec.Cmd) (hostexec.Result, error) {
	return hostexec.Result{Stdout: []byte(a.out), Code: a.code}, a.err
}

const dir = "sys/class/power_supply/"

// supplies makes folders of lines like "AC type=Mains online=1".
func supplies(lines ...string) fstest.MapFS {
	m := fstest.MapFS{dir + ".keep": {}}
	for _, line := range lines {
		name, properties, _ := strings.Cut(line, " ")
		for p := range strings.SplitSeq(properties, ";") {
			key, value, _ := strings.Cut(p, "=")
			m[dir+name+"/"+key] = &fstest.MapFile{Data: []byte(value + "\n")}
		}
	}
	return m
}

func is[T any](v *T) string {
	if v == nil {
		return "unknown"
	}
	return fmt.Sprint(*v)
}

// notes reports whether some note has all the words; that of NetworkManager,
// which none of these hosts has, does not count.
func notes(s power.State, words string) bool {
	var own []string
	for _, n := range s.Notes {
		if !strings.Contains(n, "NetworkManager") {
			own = append(own, n)
		}
	}
	if words == "" {
		return len(own) == 0
	}
	return len(own) == 1 && strings.Contains(own[0], words)
}

func TestSupplies(t *testing.T) {
	many := supplies()
	for i := range 65 {
		many[fmt.Sprintf("%sBAT%d/type", dir, i)] = &fstest.MapFile{Data: []byte("Battery\n")}
	}
	for name, c := range map[string]struct {
		fs                    fstest.MapFS
		battery, charge, note string
	}{
		"server":                 {supplies(), "false", "unknown", ""},
		"desktop":                {supplies("AC type=Mains;online=1"), "false", "unknown", ""},
		"desktop, odd":           {supplies("AC type=Mains"), "false", "unknown", ""},
		"not to be seen":         {fstest.MapFS{}, "unknown", "unknown", "shows none"},
		"too many":               {many, "unknown", "unknown", "there are 66"},
		"plugged in":             {supplies("AC type=Mains;online=1", "BAT0 type=Battery;status=Charging;capacity=80"), "false", "80", ""},
		"on battery":             {supplies("AC type=Mains;online=0", "BAT0 type=Battery;status=Discharging;capacity=42"), "true", "42", ""},
		"empty":                  {supplies("BAT0 type=Battery;status=Discharging;capacity=0"), "true", "0", ""},
		"USB-C":                  {supplies("u type=USB_PD;online=1", "BAT0 type=Battery;status=Discharging;capacity=5"), "false", "5", ""},
		"USB-C, any voltage":     {supplies("u type=USB;online=2", "BAT0 type=Battery;status=Discharging"), "false", "unknown", ""},
		"laid on a pad":          {supplies("w type=Wireless;online=1", "BAT0 type=Battery;status=Discharging"), "false", "unknown", ""},
		"a mouse":                {supplies("m type=Battery;scope=Device;status=Discharging;capacity=10"), "false", "unknown", ""},
		"UPS without mains":      {supplies("ups type=UPS;status=Discharging;capacity=90"), "true", "unknown", ""},
		"UPS that says nothing":  {supplies("ups type=UPS"), "unknown", "unknown", "ups does not say"},
		"full":                   {supplies("BAT0 type=Battery;status=Full;capacity=100"), "false", "100", ""},
		"kept at eighty":         {supplies("AC type=Mains;online=1", "BAT0 type=Battery;status=Not charging;capacity=80"), "false", "80", ""},
		"says unknown":           {supplies("AC type=Mains;online=0", "BAT0 type=Battery;status=Unknown;capacity=80"), "unknown", "80", "BAT0 does not say"},
		"unknown, but plugged":   {supplies("AC type=Mains;online=1", "BAT0 type=Battery;status=Unknown"), "false", "unknown", ""},
		"unknown, other empties": {supplies("AC type=Mains;online=0", "BAT0 type=Battery;status=Unknown", "BAT1 type=Battery;status=Discharging"), "true", "unknown", ""},
		"mains says nothing":     {supplies("AC type=Mains;online=x", "BAT0 type=Battery;status=Discharging"), "unknown", "unknown", "AC does not say"},
		"mains odd, charging":    {supplies("AC type=Mains", "BAT0 type=Battery;status=Charging"), "false", "unknown", ""},
		"an empty slot":          {supplies("BAT0 type=Battery;present=0", "BAT1 type=Battery;present=1;status=Discharging;capacity=30"), "true", "30", ""},
		"two, by what they hold": {supplies("BAT0 type=Battery;status=Full;capacity=100;energy_now=10000000;energy_full=10000000", "BAT1 type=Battery;status=Discharging;capacity=0;energy_now=0;energy_full=30000000"), "true", "25", ""},
		"two, one says less":     {supplies("BAT0 type=Battery;status=Full;capacity=100;energy_now=1;energy_full=1", "BAT1 type=Battery;status=Discharging;capacity=50"), "true", "75", ""},
		"two, one says nothing":  {supplies("BAT0 type=Battery;status=Full;capacity=100", "BAT1 type=Battery;status=Discharging"), "true", "unknown", ""},
		"nonsense":               {supplies("BAT0 type=Battery;status=Full;capacity=-3;energy_now=99999999999999999999;energy_full=0"), "false", "unknown", ""},
		"more than full":         {supplies("BAT0 type=Battery;status=Full;energy_now=11;energy_full=10"), "false", "100", ""},
		"a file too long":        {supplies("BAT0 type=Battery;status=" + strings.Repeat("x", 5000)), "unknown", "unknown", "BAT0 does not say"},
		"of a kind not known":    {supplies("X type=Fusion;status=Discharging"), "false", "unknown", ""},
	} {
		s := power.Look(t.Context(), c.fs, answers{})
		if is(s.OnBattery) != c.battery || is(s.Charge) != c.charge || !notes(s, c.note) {
			t.Errorf("%s: battery %s, charge %s, %q; want %s, %s, %q", name, is(s.OnBattery), is(s.Charge), s.Notes, c.battery, c.charge, c.note)
		}
	}
}

// As busctl of systemd 247 to 257 prints a number.
func TestMetered(t *testing.T) {
	nm := supplies()
	nm["run/NetworkManager/x"] = &fstest.MapFile{}
	for name, c := range map[string]struct {
		a          answers
		want, note string
	}{
		"yes": {answers{out: "u 1\n"}, "true", ""}, "no": {answers{out: "u 2\n"}, "false", ""}, "guessed": {answers{out: "u 3\n"}, "true", ""}, "guessed not": {answers{out: "u 4\n"}, "false", ""},
		"unknown": {answers{out: "u 0\n"}, "unknown", "does not know"}, "fails": {answers{code: 1}, "unknown", "exit 1"}, "no busctl": {answers{err: errors.New("busctl is not installed")}, "unknown", "not installed"},
		"nonsense": {answers{out: "hello"}, "unknown", "none that we know"}, "new": {answers{out: "u 5\n"}, "unknown", "none that we know"}, "nothing": {answers{}, "unknown", "none that we know"},
	} {
		s := power.Look(t.Context(), nm, c.a)
		if got := is(s.Metered); got != c.want || (c.note == "") != (len(s.Notes) == 0) || !strings.Contains(strings.Join(s.Notes, ""), c.note) {
			t.Errorf("%s: %s %q, want %s %q", name, got, s.Notes, c.want, c.note)
		}
	}
	s := power.Look(t.Context(), supplies(), answers{out: "u 1\n"})
	if got := is(s.Metered); got != "unknown" || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "does not run here") {
		t.Errorf("without NetworkManager: %s, %q", got, s.Notes)
	}
}

// What is not known has a note, and what is known is in its bounds.
func FuzzLook(f *testing.F) {
	f.Add("Mains", "1", "Discharging", "50", "100", "60", "u 1\n")
	f.Add("USB", "2", "Full", "", "-1", "x", "u 0\n")
	f.Fuzz(func(t *testing.T, kind, online, status, capacity, full, now, metered string) {
		fsys := supplies()
		for name, text := range map[string]string{
			"AC/type": kind, "AC/online": online, "BAT0/type": "Battery", "BAT0/status": status, "BAT0/capacity": capacity, "BAT0/energy_full": full, "BAT0/energy_now": now,
		} {
			fsys[dir+name] = &fstest.MapFile{Data: []byte(text)}
		}
		fsys["run/NetworkManager/x"] = &fstest.MapFile{}
		s := power.Look(t.Context(), fsys, answers{out: metered})
		if s.Charge != nil && (*s.Charge < 0 || *s.Charge > 100) {
			t.Errorf("charge %d", *s.Charge)
		}
		unknown := 0
		for _, b := range []*bool{s.OnBattery, s.Metered} {
			if b == nil {
				unknown++
			}
		}
		if len(s.Notes) != unknown {
			t.Errorf("%d are not known, and notes are %q", unknown, s.Notes)
		}
	})
}
