package apt_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
)

// fetches is the command line that fetches package files.
func (h *host) fetches(more, targets string) string {
	return "apt-get -y -q --download-only --reinstall --no-install-recommends --allow-downgrades --allow-change-held-packages -o Dir::Cache::Archives=" +
		h.fetch.Dir + " -o Debug::NoLocking=1 -o Acquire::Retries=3 " + more + "install " + targets
}

// serves lets apt fetch a file for a command line.
func (h *host) serves(line string, files map[patch.Ref]string) {
	h.answer(line, "Get:1 …\n")
	h.work[line] = func() {
		for r, content := range files {
			h.put(r, content)
		}
	}
}

func TestDownload(t *testing.T) {
	a, b := ref("a", "1:2"), patch.Ref{Name: "b", Arch: "all", Version: "3"}
	i386 := patch.Ref{Name: "a", Arch: "i386", Version: "1:2"}
	h := newHost(t)
	h.answer(shows+"a:amd64=1:2 b=3 a:i386=1:2", stanza(a, "file a")+stanza(b, "file b")+stanza(i386, "file i"))
	h.put(b, "file b")
	line := h.fetches("-o Acquire::http::Dl-Limit=100 -o Acquire::https::Dl-Limit=100 ", "a:amd64=1:2 a:i386=1:2")
	h.serves(line, map[patch.Ref]string{a: "file a", i386: "file i"})
	h.fetch.RateLimit = 100 << 10
	got, err := h.Download(t.Context(), []patch.Ref{a, b, i386}, h.fetch)
	want := []patch.Archive{
		{Ref: a, Path: filepath.Join(h.fetch.Dir, "a_1%3a2_amd64.deb"), SHA256: digest("file a"), Size: 6, Origin: "archive"},
		{Ref: b, Path: filepath.Join(h.fetch.Dir, "b_3_all.deb"), SHA256: digest("file b"), Size: 6, Origin: "archive"},
		{Ref: i386, Path: filepath.Join(h.fetch.Dir, "a_1%3a2_i386.deb"), SHA256: digest("file i"), Size: 6, Origin: "archive"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	again, err := h.Download(t.Context(), []patch.Ref{a, b, i386}, h.fetch)
	if diff := cmp.Diff(want, again); diff != "" || err != nil || h.ran() != "apt-cache apt-get" {
		t.Error(h.ran(), err, diff)
	}
}

func TestDownloadRefusesUnknownVersions(t *testing.T) {
	h := newHost(t)
	h.answer(shows+"a:amd64=2 b:amd64=3 c:amd64=4", stanza(ref("a", "2"), "a")+"Package: b\nArchitecture: amd64\nVersion: 3\n\n"+stanza(patch.Ref{Name: "c", Arch: "i386", Version: "4"}, "c"))
	_, err := h.Download(t.Context(), []patch.Ref{ref("a", "2"), ref("b", "3"), ref("c", "4")}, h.fetch)
	says(t, err, "have no b:amd64=3, c:amd64=4", "apt-get update")
	if h.ran() != "apt-cache" {
		t.Error(h.ran())
	}
}

// damaged are files that must not stay: of another size, and of the same.
var damaged = []string{"", "file", "file b", "file a and more"}

func TestDownloadFetchesDamagedFilesAgain(t *testing.T) {
	for _, content := range damaged {
		h := newHost(t)
		a := ref("a", "2")
		h.answer(shows+"a:amd64=2", stanza(a, "file a"))
		file := h.put(a, content).Path
		line := h.fetches("", "a:amd64=2")
		h.answer(line, "")
		h.work[line] = func() {
			if _, err := os.Lstat(file); err == nil {
				t.Errorf("%q is there while apt fetches: apt takes a file of that size for complete", content)
			}
			h.put(a, "file a")
		}
		if got, err := h.Download(t.Context(), []patch.Ref{a}, h.fetch); err != nil || len(got) != 1 || h.has(a) != "file a" {
			t.Errorf("%q: %+v, %v", content, got, err)
		}
	}
}

func TestDownloadChecksWhatCame(t *testing.T) {
	a := ref("a", "2")
	for _, content := range damaged {
		h := newHost(t)
		h.answer(shows+"a:amd64=2", stanza(a, "file a"))
		h.serves(h.fetches("", "a:amd64=2"), map[patch.Ref]string{a: content})
		_, err := h.Download(t.Context(), []patch.Ref{a}, h.fetch)
		says(t, err, "damaged", "a_2_amd64.deb")
	}
	h := newHost(t)
	h.answer(shows+"a:amd64=2", stanza(a, "file a"))
	h.refuse(h.fetches("", "a:amd64=2"), 100, "E: Failed to fetch http://x/a.deb  404  Not Found\n")
	_, err := h.Download(t.Context(), []patch.Ref{a}, h.fetch)
	says(t, err, "cannot download", "404  Not Found")
}

func TestDownloadOffline(t *testing.T) {
	h := newHost(t)
	a, b := ref("a", "2"), ref("b", "2")
	h.fetch.Offline = true
	h.answer(shows+"a:amd64=2 b:amd64=2", stanza(a, "file a")+stanza(b, "file b"))
	h.put(a, "file a")
	_, err := h.Download(t.Context(), []patch.Ref{a, b}, h.fetch)
	says(t, err, "1 package files", "b_2_amd64.deb", "lockfast fix download")
	h.put(b, "file c")
	_, err = h.Download(t.Context(), []patch.Ref{a, b}, h.fetch)
	says(t, err, "lockfast fix download")
	if h.has(b) != "file c" || h.ran() != "apt-cache" {
		t.Errorf("%q, %s", h.has(b), h.ran())
	}
	h.put(b, "file b")
	if got, err := h.Download(t.Context(), []patch.Ref{a, b}, h.fetch); err != nil || len(got) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// apt leaves files of archives on this machine where they are.
func TestDownloadCopiesFilesOfThisMachine(t *testing.T) {
	a, b := ref("a", "1:2"), ref("b", "2")
	archive := filepath.Join(t.TempDir(), "my archive")
	if err := os.Mkdir(archive, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(archive, "a+x.deb")
	if err := os.WriteFile(path, []byte("file a"), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted := (&url.URL{Path: path}).EscapedPath()
	for _, uri := range []string{"file:" + quoted, "file://" + quoted} {
		h := newHost(t)
		h.answer(shows+"a:amd64=1:2 b:amd64=2", stanza(a, "file a")+stanza(b, "file b"))
		line := h.fetches("", "a:amd64=1:2 b:amd64=2")
		h.serves(line, map[patch.Ref]string{b: "file b"})
		where := strings.Replace(line, "apt-get ", "apt-get --print-uris ", 1)
		h.answer(where, "'"+uri+"' a_1%3a2_amd64.deb 6 SHA256:0\n")
		got, err := h.Download(t.Context(), []patch.Ref{a, b}, h.fetch)
		if err != nil || len(got) != 2 || h.has(a) != "file a" {
			t.Errorf("%s: %+v, %v", uri, got, err)
		}
	}
}

func TestDownloadOfFilesOfThisMachineFails(t *testing.T) {
	a := ref("a", "2")
	for uris, words := range map[string]string{
		"'file:/nonexistent/a.deb' a_2_amd64.deb 6 \n": "cannot copy",
		"'file:/%zz' a_2_amd64.deb 6 \n":               "cannot read file:/%zz",
		"'file:/a.deb' a\n":                            "cannot read apt-get's line",
		"":                                             "missing or damaged",
	} {
		h := newHost(t)
		h.answer(shows+"a:amd64=2", stanza(a, "file a"))
		line := h.fetches("", "a:amd64=2")
		h.answer(line, "")
		h.answer(strings.Replace(line, "apt-get ", "apt-get --print-uris ", 1), uris)
		_, err := h.Download(t.Context(), []patch.Ref{a}, h.fetch)
		says(t, err, words)
	}
}

func TestDownloadReportsProgress(t *testing.T) {
	h := newHost(t)
	a, b := ref("a", "2"), ref("b", "2")
	h.answer(shows+"a:amd64=2 b:amd64=2", stanza(a, "file a")+stanza(b, "file b"))
	var mu sync.Mutex
	var last [2]int64
	first := make(chan bool, 1)
	h.fetch.Progress = func(done, total int64, _ string) {
		mu.Lock()
		defer mu.Unlock()
		last = [2]int64{done, total}
		select {
		case first <- true:
		default:
		}
	}
	line := h.fetches("", "a:amd64=2 b:amd64=2")
	h.answer(line, "")
	h.work[line] = func() {
		<-first // before anything came
		h.put(a, "file a")
		h.put(b, "file b")
	}
	if _, err := h.Download(t.Context(), []patch.Ref{a, b}, h.fetch); err != nil || last != [2]int64{12, 12} {
		t.Errorf("%v, %v", last, err)
	}
}

func TestPrevious(t *testing.T) {
	h := newHost(t)
	cached, listed, dropped, gone := ref("cached", "1"), ref("listed", "1"), ref("dropped", "1"), ref("gone", "1")
	refs := []patch.Ref{cached, listed, dropped, gone}
	h.options(func(o *apt.Options) {
		o.Repack = func(r patch.Ref, dir string) (patch.Archive, error) {
			if dir != h.fetch.Dir {
				t.Errorf("repacked in %s", dir)
			}
			if r == gone {
				return patch.Archive{}, errors.New("a file is missing")
			}
			return apt.Describe(r, h.put(r, "repacked").Path)
		}
	})
	h.answer(shows+"cached:amd64=1 listed:amd64=1 dropped:amd64=1 gone:amd64=1", stanza(listed, "from the archive")+stanza(dropped, "was there"))
	h.put(cached, "in the cache")
	line := h.fetches("", "listed:amd64=1 dropped:amd64=1")
	h.refuse(line, 100, "E: Failed to fetch http://x/dropped.deb  404  Not Found\n")
	h.work[line] = func() { h.put(listed, "from the archive") }
	got, missing, err := h.Previous(t.Context(), refs, h.fetch)
	file := func(r patch.Ref, content, origin string, repacked bool) patch.Archive {
		return patch.Archive{Ref: r, Path: filepath.Join(h.fetch.Dir, apt.FileName(r)), SHA256: digest(content), Size: int64(len(content)), Origin: origin, Repacked: repacked}
	}
	want := []patch.Archive{file(cached, "in the cache", "cache", false), file(listed, "from the archive", "archive", false), file(dropped, "repacked", "repacked", true)}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if diff := cmp.Diff([]patch.Missing{{Ref: gone, Why: "no archive offers this version any more, and it cannot be repacked: a file is missing"}}, missing); diff != "" {
		t.Error(diff)
	}
}

func TestPreviousSaysWhyAFileIsMissing(t *testing.T) {
	a := ref("a", "1")
	for name, test := range map[string]struct {
		change func(h *host)
		why    string
	}{
		"unlisted":           {func(h *host) { h.refuse(shows+"a:amd64=1", 100, "E: No packages found\n") }, "no archive offers this version any more"},
		"offline":            {func(h *host) { h.fetch.Offline = true }, "it is not here, and the network is not to be used"},
		"cannot be fetched":  {func(h *host) { h.refuse(h.fetches("", "a:amd64=1"), 100, "E: Temporary failure resolving\n") }, "cannot download packages: apt-get failed (exit 100): Temporary failure resolving"},
		"other bytes":        {func(h *host) { h.serves(h.fetches("", "a:amd64=1"), map[patch.Ref]string{a: "file b"}) }, "package file is missing or damaged"},
		"damaged, offline":   {func(h *host) { h.put(a, "file b"); h.fetch.Offline = true }, "it is not here"},
		"snapshot, unlisted": {func(h *host) { h.snapshot(""); h.refuse(shows+"a:amd64=1", 100, "E: No packages found\n") }, "no archive offers this version any more"},
		"no snapshot": {func(h *host) {
			line := h.snapshot("")
			h.refuse(line, 100, "E: The repository is not signed.\n")
			h.refuse(shows+"a:amd64=1", 100, "E: No packages found\n")
		}, "no archive offers this version any more, and the snapshot archive: cannot refresh its lists: apt-get failed (exit 100): The repository is not signed."},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.answer(shows+"a:amd64=1", stanza(a, "file a"))
			test.change(h)
			got, missing, err := h.Previous(t.Context(), []patch.Ref{a}, h.fetch)
			if err != nil || len(got) != 0 || len(missing) != 1 || missing[0].Ref != a || !strings.HasPrefix(missing[0].Why, test.why) {
				t.Errorf("%+v, %+v, %v", got, missing, err)
			}
		})
	}
}

// snapshot configures an archive of older versions that has a, and returns the
// command line that refreshes its lists.
func (h *host) snapshot(listed string) (update string) {
	h.Helper()
	lists := filepath.Join(h.TempDir(), "lists")
	h.options(func(o *apt.Options) { o.Snapshot, o.Lists = "/etc/lockfast/snapshot.sources", lists })
	aside := "-o Dir::Etc::SourceList=/etc/lockfast/snapshot.sources -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=" + lists +
		" -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= -o Acquire::Check-Valid-Until=false "
	update = "apt-get -q -o APT::Update::Error-Mode=any " + aside + "update"
	h.answer(update, "")
	h.answer(shows+aside+"a:amd64=1", listed)
	h.serves(h.fetches(aside, "a:amd64=1"), map[patch.Ref]string{ref("a", "1"): "file a"})
	h.work[update] = func() {
		if info, err := os.Stat(filepath.Join(lists, "partial")); err != nil || !info.IsDir() {
			h.Errorf("apt needs a folder for its lists: %v", err)
		}
	}
	return update
}

func TestPreviousFromASnapshot(t *testing.T) {
	a := ref("a", "1")
	h := newHost(t)
	h.snapshot(stanza(a, "file a"))
	h.answer(shows+"a:amd64=1", "")
	got, missing, err := h.Previous(t.Context(), []patch.Ref{a}, h.fetch)
	if err != nil || len(missing) != 0 || len(got) != 1 || got[0].Origin != "snapshot" || got[0].SHA256 != digest("file a") {
		t.Errorf("%+v, %+v, %v", got, missing, err)
	}
}

// A file that was made here is told from one of the distribution, also once the
// archive has it again.
func TestPreviousKnowsWhatWasMadeHere(t *testing.T) {
	a := ref("a", "1")
	h := newHost(t)
	file := h.put(a, "made here").Path
	if err := apt.MarkRepacked(file); err != nil {
		t.Fatal(err)
	}
	made := func(want bool, content string) {
		t.Helper()
		h.options(func(*apt.Options) {})
		got, missing, err := h.Previous(t.Context(), []patch.Ref{a}, h.fetch)
		if err != nil || len(missing) != 0 || len(got) != 1 || got[0].Repacked != want || got[0].SHA256 != digest(content) {
			t.Errorf("%+v, %+v, %v", got, missing, err)
		}
	}
	h.answer(shows+"a:amd64=1", "")
	made(true, "made here")
	h.answer(shows+"a:amd64=1", stanza(a, "file a"))
	h.serves(h.fetches("", "a:amd64=1"), map[patch.Ref]string{a: "file a"})
	made(false, "file a")
	h.answer(shows+"a:amd64=1", "")
	made(false, "file a")
}

func TestPreviousStops(t *testing.T) {
	a := ref("a", "1")
	h := newHost(t)
	h.answer(shows+"a:amd64=1", stanza(a, "file a"))
	ctx, cancel := context.WithCancel(t.Context())
	line := h.fetches("", "a:amd64=1")
	h.refuse(line, 100, "E: stopped\n")
	h.work[line] = cancel
	h.options(func(o *apt.Options) {
		o.Repack = func(patch.Ref, string) (patch.Archive, error) {
			t.Error("repacked after the end")
			return patch.Archive{}, nil
		}
	})
	if _, _, err := h.Previous(ctx, []patch.Ref{a}, h.fetch); err == nil {
		t.Error("no error")
	}
	h.fake.Results = map[string]hostexec.Result{}
	h.options(func(*apt.Options) {})
	_, _, err := h.Previous(t.Context(), []patch.Ref{a}, h.fetch)
	says(t, err, "cannot look up", "apt-cache")
}

func TestOutlook(t *testing.T) {
	cached, listed, gone, either := ref("cached", "1"), ref("listed", "1"), ref("gone", "1"), patch.Ref{Name: "any", Version: "1"}
	for _, repacks := range []bool{false, true} {
		h := newHost(t)
		want := map[patch.Ref]string{cached: "cache", listed: "archive", either: "archive"}
		if repacks {
			want[gone] = "repacked"
			h.options(func(o *apt.Options) {
				o.Repack = func(patch.Ref, string) (patch.Archive, error) { return patch.Archive{}, nil }
			})
		}
		h.put(cached, "x")
		h.answer(shows+"cached:amd64=1 listed:amd64=1 gone:amd64=1 any=1", stanza(listed, "x")+stanza(ref("any", "1"), "y"))
		got, err := h.Outlook(t.Context(), []patch.Ref{cached, listed, gone, either}, h.fetch.Dir)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
}
