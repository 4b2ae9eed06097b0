package apt_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/inventory"
)

// TestCandidates follows the examples of apt_preferences(5).
func TestCandidates(t *testing.T) {
	const backports = "Package: a\nPin: release n=bookworm-backports\nPin-Priority: 990\n"
	for _, test := range []struct {
		name, installed, preferences, conf, want string
	}{
		{"newest of the same priority", "1", "", "", "3"},
		{"backports do not come by themselves", "3", "", "", ""},
		{"backports go on once installed", "4~bpo12+1", "", "", "5~bpo12+1"},
		{"pinned to backports", "3", backports, "", "5~bpo12+1"},
		{"pinned to backports by a pattern", "3", "Package: a*\nPin: release a=*-backports\nPin-Priority: 500\n", "", "5~bpo12+1"},
		{"pinned to backports by an expression", "3", "Package: /^a$/\nPin: release a=/backports$/\nPin-Priority: 500\n", "", "5~bpo12+1"},
		{"pinned to backports by source", "3", "Package: src:a\nPin: release o=Debian Backports, l=Debian Backports, c=main\nPin-Priority: 500\n", "", "5~bpo12+1"},
		{"another package's pin", "3", "Package: b\nPin: release n=bookworm-backports\nPin-Priority: 990\n", "", ""},
		{"a version", "1", "Package: a\nPin: version 2*\nPin-Priority: 900\n", "", "2"},
		{"all of backports", "1", "Package: *\nPin: release n=bookworm-backports\nPin-Priority: 501\n", "", "5~bpo12+1"},
		{"the first general pin counts", "1", "Package: *\nPin: release n=bookworm-backports\nPin-Priority: 501\n\nPackage: *\nPin: release n=bookworm-backports\nPin-Priority: 1\n", "", "5~bpo12+1"},
		{"never from an archive", "1", "Package: *\nPin: origin deb.example.org\nPin-Priority: -1\n", "", ""},
		{"target release", "1", "", "APT::Default-Release \"bookworm\";\n", "2"},
		{"target release in a block, as an expression", "1", "", "APT {\n  Default-Release \"/^bookworm(|-security)$/\";\n};\n", "3"},
		{"target release commented out", "1", "", "// APT::Default-Release \"bookworm-backports\";\n", "3"},
		{"target release by version", "1", "", "APT::Default-Release \"12*\";\n", "3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := debian(pkg("a", test.installed))
			m.fs["etc/apt/sources.list.d/back.list"] = file("deb http://deb.example.org/debian bookworm-backports main\n")
			m.fs["etc/apt/preferences.d/50pins"] = file(test.preferences)
			m.fs["etc/apt/apt.conf.d/50conf"] = file(test.conf)
			m.main(stanza("a", "2"))
			m.security(stanza("a", "3"))
			m.suite("deb.example.org/debian/dists/bookworm-backports", backHead, "main", stanza("a", "5~bpo12+1"))
			wantStatus(t, m.look(t), inventory.Succeeded)
			got := ""
			for _, u := range m.inv.Updates {
				got = u.Candidate
			}
			if got != test.want {
				t.Errorf("candidate %q, want %q (%+v)", got, test.want, m.inv.Updates)
			}
		})
	}
}

func TestNotAutomaticArchiveIsNeverACandidate(t *testing.T) {
	m := debian(pkg("a", "1"))
	m.fs["etc/apt/sources.list.d/exp.list"] = file("deb http://deb.example.org/debian experimental main\n")
	m.main(stanza("a", "1"))
	m.security(stanza("b", "1"))
	m.suite("deb.example.org/debian/dists/experimental", "Origin: Debian\nSuite: experimental\nCodename: rc-buggy\nNotAutomatic: yes\nDate: Sat, 21 Nov 2026 00:53:02 UTC", "main", stanza("a", "9"))
	wantStatus(t, m.look(t), inventory.Succeeded)
	if len(m.inv.Updates) != 0 {
		t.Errorf("%+v", m.inv.Updates)
	}
}
