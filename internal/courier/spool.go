package courier

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	fileSuffix  = ".file"
	partSuffix  = ".part"
	entrySuffix = ".json"
	entrySchema = "lockfast.spool/1"
	maxEntry    = 64 << 10
	// maxListed bounds a spool that something else has filled: two files of
	// each of 50,000 addresses are far more than a host asks for.
	maxListed = 150_000
)

// version is how a publisher names a state of a file.
type version struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// validator is what If-Range takes: a weak ETag does not promise the same bytes
// (RFC 9110, 13.1.5).
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}

// entry is what is known of one address.
type entry struct {
	Schema string `json:"schema"`
	File   *whole `json:"file,omitempty"`
	Part   *part  `json:"part,omitempty"`
}

type whole struct {
	Size    int64     `json:"size"`
	SHA256  string    `json:"sha256"`
	Version version   `json:"version"`
	Checked time.Time `json:"checked"` // when the publisher last said that it is current
}

// part is a download under way. Have is what is known to be on the disk.
type part struct {
	Have    int64   `json:"have"`
	Version version `json:"version"`
}

// spool is the folder. Who works on a key has it to itself, see flights.
type spool struct {
	dir  string
	most int64
	keep time.Duration

	mu   sync.Mutex // of making room
	busy func(key string) bool
}

// keyOf is the name of an address in the spool; it tells nothing about it.
func keyOf(uri string) string {
	sum := sha256.Sum256([]byte(uri))
	return hex.EncodeToString(sum[:16])
}

func (s *spool) path(key, suffix string) string { return filepath.Join(s.dir, key+suffix) }

// load reads what is known of an address. What cannot be read is nothing known:
// it is fetched again.
func (s *spool) load(key string) entry {
	fresh := entry{Schema: entrySchema}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return fresh
	}
	defer func() { _ = root.Close() }()
	data, err := hostfs.ReadLimited(root.FS(), key+entrySuffix, maxEntry)
	if err != nil {
		return fresh
	}
	var e entry
	if json.Unmarshal(data, &e) != nil || e.Schema != entrySchema {
		return fresh
	}
	return e
}

func (s *spool) store(key string, e entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return hostfs.Replace(s.path(key, entrySuffix), 0o600, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// open hands out a file if it is the one that was written down: a crash, the
// disk or a person may have changed it.
func (s *spool) open(key string, f *whole) (*os.File, error) {
	if f == nil {
		return nil, fs.ErrNotExist
	}
	file, err := os.Open(s.path(key, fileSuffix))
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(file, f.Size+1))
	if err == nil && (n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256) {
		err = errors.New("it is not what was written")
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	now := time.Now()
	_ = hostfs.SetModified(s.path(key, entrySuffix), now) // used: only the order of pruning depends on it
	return file, nil
}

// remove forgets an address, unless it is being fetched.
func (s *spool) remove(k kept) bool {
	if s.busy(k.key) {
		return false
	}
	for _, name := range k.names {
		_ = hostfs.RemoveAll(filepath.Join(s.dir, name)) // what stays is counted, and tried again
	}
	return true
}

// kept is one address' files.
type kept struct {
	key   string
	names []string
	size  int64
	used  time.Time
}

// list is what the spool holds, that which was not used for longest first. What
// has no name of ours is not ours to judge, and not counted.
func (s *spool) list() ([]kept, error) {
	dir, err := os.Open(s.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(maxListed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	all := map[string]*kept{}
	for _, e := range entries {
		key, ours := owned(e.Name())
		info, err := e.Info()
		if !ours || err != nil { // gone meanwhile
			continue
		}
		k := all[key]
		if k == nil {
			k = &kept{key: key}
			all[key] = k
		}
		k.names = append(k.names, e.Name())
		k.size += info.Size()
		if info.ModTime().After(k.used) {
			k.used = info.ModTime()
		}
	}
	sorted := make([]kept, 0, len(all))
	for _, k := range all {
		sorted = append(sorted, *k)
	}
	slices.SortFunc(sorted, func(a, b kept) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.key, b.key)) })
	return sorted, nil
}

// owned says whether a file is the spool's: of a key, or a temporary one of
// writing an entry that was interrupted.
func owned(name string) (key string, ours bool) {
	name = strings.TrimPrefix(name, ".")
	key, rest, found := strings.Cut(name, ".")
	if !found || len(key) != 32 || strings.Trim(key, "0123456789abcdef") != "" {
		return "", false
	}
	suffix, _, _ := strings.Cut(rest, ".")
	return key, slices.Contains([]string{fileSuffix, partSuffix, entrySuffix}, "."+suffix)
}

// prune removes what was not used for long.
func (s *spool) prune(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.list()
	if err != nil {
		return err
	}
	for _, k := range all {
		if now.Sub(k.used) > s.keep {
			s.remove(k)
		}
	}
	return nil
}

// room makes room for more bytes: the oldest go first. It is an error if what
// is being fetched fills the spool.
func (s *spool) room(more int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.list()
	if err != nil {
		return err
	}
	total := more
	for _, k := range all {
		total += k.size
	}
	for _, k := range all {
		if total <= s.most {
			return nil
		}
		if s.remove(k) {
			total -= k.size
		}
	}
	if total > s.most {
		return fmt.Errorf("it would hold %d bytes, and may hold %d", total, s.most)
	}
	return nil
}

// empty removes all that is not being fetched: the disk is full.
func (s *spool) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.list()
	if err != nil {
		return
	}
	for _, k := range all {
		s.remove(k)
	}
}
