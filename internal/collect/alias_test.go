package collect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
)

func TestAliases(t *testing.T) {
	for p, want := range map[string][]string{
		"/usr/lib64/libc.so.6": {"/usr/lib64/libc.so.6", "/lib64/libc.so.6"},
		"/bin/sh":              {"/bin/sh", "/usr/bin/sh"},
		"/usr/share/x":         {"/usr/share/x"},
		"/library/x":           {"/library/x"},
		"/usr/local/bin/x":     {"/usr/local/bin/x"},
		"":                     {""},
	} {
		if diff := cmp.Diff(want, collect.Aliases(p)); diff != "" {
			t.Errorf("%s: %s", p, diff)
		}
	}
	want := map[string][]string{"/bin/sh": {"/bin/sh", "/usr/bin/sh"}, "/usr/bin/sh": {"/bin/sh", "/usr/bin/sh"}}
	if diff := cmp.Diff(want, collect.Wanted([]string{"/bin/sh", "/usr/bin/sh"})); diff != "" {
		t.Error(diff)
	}
}
