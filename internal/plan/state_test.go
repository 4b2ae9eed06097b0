package plan_test

import (
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/plan"
)

func file(change func(f *plan.File)) plan.State {
	f := plan.File{Type: plan.Regular, Size: 1, SHA256: "1", Mode: 0o4755, UID: 1, GID: 1, Xattrs: map[string][]byte{"user.a": []byte("1")}}
	change(&f)
	return plan.State{File: &f}
}

func TestEverythingThatCountsIsADifference(t *testing.T) {
	was := file(func(*plan.File) {})
	for _, c := range []struct {
		says   string
		change func(f *plan.File)
	}{
		{"type", func(f *plan.File) { f.Type = plan.Dir }},
		{"content", func(f *plan.File) { f.SHA256 = "2" }},
		{"mode 4755 → 0755", func(f *plan.File) { f.Mode = 0o755 }},
		{"owner", func(f *plan.File) { f.UID = 0 }},
		{"group", func(f *plan.File) { f.GID = 0 }},
		{"flags", func(f *plan.File) { f.Flags = 16 }},
		{"extended attribute user.a", func(f *plan.File) { f.Xattrs = nil }},
		{"extended attribute user.b", func(f *plan.File) { f.Xattrs = map[string][]byte{"user.a": []byte("1"), "user.b": {}} }},
		{"", func(f *plan.File) { f.Links, f.MTime = 2, f.MTime.AddDate(1, 0, 0) }},
		{"", func(f *plan.File) { f.Xattrs = map[string][]byte{"user.a": []byte("1"), plan.Label: []byte("etc_t")} }},
	} {
		got := strings.Join(was.Differences(file(c.change)), ", ")
		if (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
			t.Errorf("got %q, want %q", got, c.says)
		}
		if back := file(c.change); back.Same(was) != (c.says == "") {
			t.Errorf("%s: not the same both ways", c.says)
		}
	}
	label := func(value string) plan.State {
		return file(func(f *plan.File) { f.Xattrs = map[string][]byte{plan.Label: []byte(value)} })
	}
	if label("etc_t").Same(label("tmp_t")) {
		t.Error("two labels are the same")
	}
}

// acl is an access list whose mask has these permissions, for owner, a user, the
// group and others.
func acl(mask byte) []byte {
	list := []byte{2, 0, 0, 0}
	for _, e := range [][2]byte{{0x01, 6}, {0x02, 7}, {0x04, 5}, {0x10, mask}, {0x20, 4}} {
		list = append(list, e[0], 0, e[1], 0, 1, 0, 0, 0)
	}
	return list
}

func TestBetween(t *testing.T) {
	was := file(func(*plan.File) {})
	withACL := func(mode uint32, list []byte) plan.State {
		return file(func(f *plan.File) { f.Mode, f.Xattrs = mode, map[string][]byte{"system.posix_acl_access": list} })
	}
	absent := plan.State{File: &plan.File{Type: plan.Absent}}
	unit := func(unitFile, active string) plan.State {
		return plan.State{Service: &plan.Unit{UnitFile: unitFile, Active: active}}
	}
	chowned := file(func(f *plan.File) { f.UID, f.Mode, f.Xattrs = 7, 0o600, nil })
	for _, c := range []struct {
		name               string
		before, after, now plan.State
		want               bool
	}{
		{"before", was, chowned, was, true},
		{"after", was, chowned, chowned, true},
		{"owner set, setuid cleared", was, chowned, file(func(f *plan.File) { f.UID, f.Mode = 7, 0o755 }), true},
		{"on the way back", chowned, was, file(func(f *plan.File) { f.UID, f.Mode = 1, 0o755 }), true},
		{"another owner", was, chowned, file(func(f *plan.File) { f.UID = 8 }), false},
		{"another mode", was, chowned, file(func(f *plan.File) { f.Mode = 0o777 }), false},
		{"another attribute", was, chowned, file(func(f *plan.File) { f.Xattrs = map[string][]byte{"user.b": {}} }), false},
		{"other content", was, chowned, file(func(f *plan.File) { f.SHA256 = "2" }), false},
		{"replaced at one stroke", was, file(func(f *plan.File) { f.SHA256, f.UID = "2", 7 }), file(func(f *plan.File) { f.UID = 7 }), false},
		{"made at one stroke", absent, was, file(func(f *plan.File) { f.UID = 0 }), false},
		{"flags are set last", absent, file(func(f *plan.File) { f.Flags = 16 }), was, true},
		{"a mode was set on an access list", withACL(0o674, acl(7)), withACL(0o644, acl(4)), withACL(0o644, acl(4)), true},
		{"a mode was set, the list not yet", withACL(0o674, acl(7)), file(func(f *plan.File) { f.Mode, f.Xattrs = 0o600, nil }), withACL(0o600, acl(0)), true},
		{"somebody else's access list", withACL(0o674, acl(7)), file(func(f *plan.File) { f.Mode, f.Xattrs = 0o600, nil }), withACL(0o600, append(acl(0), 2, 0, 7, 0, 9, 0, 0, 0)), false},
		{"unit through disabled", unit("masked", "inactive"), unit("enabled", "active"), unit("disabled", "inactive"), true},
		{"unit in part", unit("disabled", "inactive"), unit("enabled", "active"), unit("enabled", "inactive"), true},
		{"unit masked by others", unit("disabled", "active"), unit("enabled", "active"), unit("masked", "active"), false},
		{"unit stopped by others", unit("disabled", "active"), unit("enabled", ""), unit("disabled", "inactive"), false},
	} {
		if got := plan.Between(c.before, c.after, c.now); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}
