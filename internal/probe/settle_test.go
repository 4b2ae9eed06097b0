package probe_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/probe"
)

// script answers with one status after the other, and the last one from then on.
func script(t *testing.T, list ...int) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(list[min(int(asked.Add(1)), len(list))-1])
	}), asked
}

func TestTakeAsksTwice(t *testing.T) {
	t.Parallel()
	url, asked := script(t, 200, 502, 200)
	began := time.Now()
	b := probe.Take(t.Context(), []probe.Target{{URL: url}})
	if asked.Load() != 2 || len(b.First) != 1 || b.First[0].Status != 200 || b.Second[0].Status != 502 || time.Since(began) < 300*time.Millisecond {
		t.Fatalf("got %+v after %v", b, time.Since(began))
	}
	if v := probe.Compare(b, probe.Ask(t.Context(), b.Targets())); v[0].State != probe.StateNotJudged || v[0].Why != "it flaps: 200, then 502" {
		t.Errorf("got %+v", v)
	}
}

// A baseline outlives the program that took it.
func TestBaselineIsStored(t *testing.T) {
	t.Parallel()
	b := probe.Take(t.Context(), []probe.Target{{URL: serve(t, says("<title>x</title>")), Within: time.Minute}, {URL: "tcp://" + nobody(t)}})
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var back probe.Baseline
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, b) {
		t.Errorf("%s: got %+v, %v", data, back, err)
	}
}

// Take finds out how a detected target is asked; a configured one is asked as it
// says.
func TestTakeFindsTheScheme(t *testing.T) {
	t.Parallel()
	plain := strings.TrimPrefix(serve(t, says("plain")), "http://")
	encrypted := httptest.NewTLSServer(says("encrypted"))
	t.Cleanup(encrypted.Close)
	secure := strings.TrimPrefix(encrypted.URL, "https://")
	mail, _ := listen(t, speaks("220 mail\r\n"))
	nothing := nobody(t)
	tls := func(address string) probe.Target {
		return probe.Target{URL: "https://" + address + "/", Insecure: true, Detected: true}
	}
	cases := []struct {
		target probe.Target
		want   string
		ok     bool
	}{
		{tls(secure), "https://" + secure + "/", true},
		{tls(plain), "http://" + plain + "/", true},
		{tls(mail), "tcp://" + mail, true},
		{probe.Target{URL: "http://" + mail + "/", Detected: true}, "tcp://" + mail, true},
		{probe.Target{URL: "tcp://" + mail, Detected: true}, "tcp://" + mail, true},
		{tls(nothing), "https://" + nothing + "/", false},
		{probe.Target{URL: "https://" + plain + "/", Insecure: true}, "https://" + plain + "/", false},
		{probe.Target{URL: "http://" + mail + "/"}, "http://" + mail + "/", false},
	}
	var targets []probe.Target
	for _, c := range cases {
		targets = append(targets, c.target)
	}
	b := probe.Take(t.Context(), targets)
	for i, c := range cases {
		if got := b.Targets()[i]; got.URL != c.want || got != b.Second[i].Target || b.First[i].OK != c.ok || b.Second[i].OK != c.ok {
			t.Errorf("%+v: got %+v\nthen %+v", c.target, b.First[i], b.Second[i])
		}
	}
}

// Answers come in the order of the targets, eight asked at a time.
func TestAskSomeAtATime(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			old := most.Load()
			if n <= old || most.CompareAndSwap(old, n) {
				break
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	var targets []probe.Target
	for i := range 20 {
		targets = append(targets, probe.Target{URL: url, Within: time.Minute + time.Duration(i)})
	}
	for i, a := range probe.Ask(t.Context(), targets) {
		if !a.OK || a.Target != targets[i] {
			t.Errorf("%d: got %+v", i, a)
		}
	}
	if most.Load() > 8 || most.Load() < 2 {
		t.Errorf("%d were asked at a time", most.Load())
	}
}

func TestSettleWaitsForAService(t *testing.T) {
	t.Parallel()
	url, asked := script(t, 200, 200, 502, 502, 200)
	b := probe.Take(t.Context(), []probe.Target{{URL: url}})
	began := time.Now()
	v := probe.Settle(t.Context(), b, 10*time.Second)
	if len(v) != 1 || v[0].State != probe.StateOK || asked.Load() != 5 || time.Since(began) < 750*time.Millisecond {
		t.Errorf("asked %d times in %v, got %+v", asked.Load(), time.Since(began), v)
	}
}

func TestSettleLosesPatience(t *testing.T) {
	t.Parallel()
	url, asked := script(t, 200, 200, 502)
	b := probe.Take(t.Context(), []probe.Target{{URL: url}})
	began := time.Now()
	v := probe.Settle(t.Context(), b, 2*time.Second) // asks at 0, 250, 750, 1750 and 2000 ms
	if v[0].State != probe.StateBroken || v[0].Why != "answers 502, before 200" {
		t.Errorf("got %+v", v)
	}
	if n := asked.Load() - 2; n < 2 || n > 5 || time.Since(began) < 2*time.Second || time.Since(began) > 3500*time.Millisecond {
		t.Errorf("asked %d times in %v", n, time.Since(began))
	}
	before := asked.Load()
	if v = probe.Settle(t.Context(), b, 0); v[0].State != probe.StateBroken || asked.Load() != before+1 {
		t.Errorf("no patience: asked %d times, got %+v", asked.Load()-before, v)
	}
}

func TestSettleAsksOnceIfNothingIsBroken(t *testing.T) {
	t.Parallel()
	url, asked := script(t, 200)
	flaps, _ := script(t, 200, 502)
	b := probe.Take(t.Context(), []probe.Target{{URL: url}, {URL: flaps}})
	v := probe.Settle(t.Context(), b, time.Minute)
	if v[0].State != probe.StateOK || v[1].State != probe.StateNotJudged || asked.Load() != 3 {
		t.Errorf("asked %d times, got %+v", asked.Load(), v)
	}
}

// A service that stopped listening, and one that accepts and then hangs.
func TestSettleSeesWhatDied(t *testing.T) {
	t.Parallel()
	dies := httptest.NewServer(says("x"))
	defer dies.Close()
	var hung atomic.Bool
	hangs, _ := listen(t, func(c net.Conn) {
		if hung.Load() {
			hold(c)
		} else {
			answers("HTTP/1.0 200 OK\r\n\r\n")(c)
		}
	})
	mute, _ := listen(t, func(c net.Conn) {
		if hung.Load() {
			hold(c)
		} else {
			speaks("220 mail\r\n")(c)
		}
	})
	b := probe.Take(t.Context(), []probe.Target{{URL: dies.URL}, {URL: "http://" + hangs, Within: time.Second}, {URL: "tcp://" + mute}})
	dies.Close()
	hung.Store(true)
	v := probe.Settle(t.Context(), b, 0)
	for i, want := range []string{"connection refused", "does not answer within 1s", `connects, before: greets with "220 mail"`} {
		if v[i].State != probe.StateBroken || !strings.Contains(v[i].Why, want) {
			t.Errorf("got %+v, want %q", v[i], want)
		}
	}
}

// Being stopped says nothing of a service: not that it is broken, and not that
// it is ok.
func TestStopped(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	silent, connections := listen(t, func(c net.Conn) {
		if down.Load() {
			hold(c)
		} else {
			answers("HTTP/1.0 200 OK\r\n\r\n")(c)
		}
	})
	greets, _ := listen(t, hold)
	b := probe.Take(t.Context(), []probe.Target{{URL: "http://" + silent}, {URL: "tcp://" + greets, Within: 2 * brief}})
	down.Store(true)
	before := connections.Load()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(brief, cancel)
	began := time.Now()
	for _, v := range probe.Settle(ctx, b, time.Minute) {
		if v.State != probe.StateNotJudged || !strings.Contains(v.Why, "was stopped: context canceled") || !v.After.Stopped {
			t.Errorf("got %+v", v)
		}
	}
	if time.Since(began) > 5*time.Second || connections.Load() != before+1 {
		t.Errorf("%d connections in %v", connections.Load()-before, time.Since(began))
	}
}

// Waiting for a text to be said ends with the context too.
func TestStoppedWhileListening(t *testing.T) {
	t.Parallel()
	address, _ := listen(t, speaks("220 mail\r\n"))
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	began := time.Now()
	a := probe.Ask(ctx, []probe.Target{{URL: "tcp://" + address, Contains: "ready", Within: 20 * time.Second}})[0]
	if a.OK || !a.Stopped || a.Error != "was stopped: context deadline exceeded" || time.Since(began) > 10*time.Second {
		t.Errorf("got %+v after %v", a, time.Since(began))
	}
}

// What was seen broken stays so if the next question is cut short.
func TestStoppedAfterAVerdict(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1, 2:
		case 3:
			w.WriteHeader(http.StatusBadGateway)
		default:
			cancel()
			<-r.Context().Done()
		}
	})
	b := probe.Take(t.Context(), []probe.Target{{URL: url}})
	if v := probe.Settle(ctx, b, time.Minute); v[0].State != probe.StateBroken || asked.Load() != 4 {
		t.Errorf("asked %d times, got %+v", asked.Load(), v)
	}
}
