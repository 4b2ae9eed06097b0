package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect/session"
	"github.com/lockfast/lockfast/internal/hostexec"
)

type host struct {
	list, show string
	code       int
	err        error
}

func (h host) Run(_ context.Context, c hostexec.Cmd) (hostexec.Result, error) {
	out := h.list
	if c.Args[0] == "show-session" {
		out = h.show
	}
	return hostexec.Result{Stdout: []byte(out), Code: h.code}, h.err
}

func TestList(t *testing.T) {
	h := host{
		list: "  3 1000 anna seat0 tty2\nc1  112 gdm  seat0 tty1\n  7    0 root       -\n  9 1001 bert       pts/0\n",
		show: "Id=3\nName=anna\nType=wayland\nRemote=no\nClass=user\nState=active\n\nId=c1\nName=gdm\nType=wayland\nRemote=no\nClass=greeter\nState=online\n\n" +
			"Id=7\nName=root\nType=unspecified\nRemote=no\nClass=background\nState=active\n\nId=9\nName=bert\nType=tty\nRemote=yes\nClass=user\nState=closing\n\n" +
			"Id=10\nName=carl\nType=tty\nRemote=yes\nClass=user\nState=active\n",
	}
	got, err := session.List(t.Context(), h)
	want := []session.Session{{ID: "3", User: "anna", Type: "wayland"}, {ID: "10", User: "carl", Type: "tty", Remote: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got, err := session.List(t.Context(), host{}); err != nil || len(got) != 0 {
		t.Errorf("nobody: %v, %v", got, err)
	}
	for _, h := range []host{{err: errors.New("not installed")}, {code: 1}} {
		if _, err := session.List(t.Context(), h); err == nil {
			t.Error("what could not be seen is nobody")
		}
	}
}
