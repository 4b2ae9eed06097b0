package power_test

import (
	"context"
	"errors"
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

func supply(files ...string) fstest.MapFS {
	m := fstest.MapFS{"sys/class/power_supply/.keep": {}}
	for i := 0; i+1 < len(files); i += 2 {
		m["sys/class/power_supply/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1] + "\n")}
	}
	return m
}

func is(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}

func TestOnBattery(t *testing.T) {
	for name, c := range map[string]struct {
		fs   fstest.MapFS
		want string
	}{
		"server":            {supply(), "no"},
		"not to be seen":    {fstest.MapFS{}, "unknown"},
		"plugged in":        {supply("AC/type", "Mains", "AC/online", "1", "BAT0/type", "Battery", "BAT0/status", "Charging"), "no"},
		"on battery":        {supply("AC/type", "Mains", "AC/online", "0", "BAT0/type", "Battery", "BAT0/status", "Discharging"), "yes"},
		"USB-C":             {supply("u/type", "USB_PD", "u/online", "1", "BAT0/type", "Battery", "BAT0/status", "Discharging"), "no"},
		"a mouse":           {supply("m/type", "Battery", "m/scope", "Device", "m/status", "Discharging"), "no"},
		"UPS without mains": {supply("ups/type", "UPS", "ups/status", "Discharging"), "yes"},
		"full":              {supply("BAT0/type", "Battery", "BAT0/status", "Full"), "no"},
	} {
		if got := is(power.Look(t.Context(), c.fs, answers{}).OnBattery); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestMetered(t *testing.T) {
	nm := supply()
	nm["run/NetworkManager/x"] = &fstest.MapFile{}
	for name, c := range map[string]struct {
		a    answers
		want string
	}{
		"yes": {answers{out: "u 1\n"}, "yes"}, "no": {answers{out: "u 2\n"}, "no"}, "guessed": {answers{out: "u 3\n"}, "yes"}, "guessed not": {answers{out: "u 4\n"}, "no"},
		"unknown": {answers{out: "u 0\n"}, "unknown"}, "fails": {answers{code: 1}, "unknown"}, "no busctl": {answers{err: errors.New("x")}, "unknown"},
		"nonsense": {answers{out: "hello"}, "unknown"},
	} {
		if got := is(power.Look(t.Context(), nm, c.a).Metered); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := is(power.Look(t.Context(), supply(), answers{out: "u 1\n"}).Metered); got != "unknown" {
		t.Errorf("without NetworkManager: %s", got)
	}
}
