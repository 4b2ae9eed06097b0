package zypper

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// confLimit bounds zypp.conf.
const confLimit = 1 << 20

// conf is the copy of zypp.conf that limits the rate.
func (x *fetcher) conf() string { return filepath.Join(x.f.Dir, ".zypp.conf") }

// rate returns the environment that limits zypper's downloads. It has no option
// for it: it is told of a copy of its configuration that has the limit.
func (x *fetcher) rate() ([]string, error) {
	if x.f.RateLimit <= 0 {
		return nil, nil
	}
	var text []byte
	for _, name := range []string{"etc/zypp/zypp.conf", "usr/etc/zypp/zypp.conf"} {
		data, err := hostfs.ReadLimited(x.host, name, confLimit)
		if err == nil {
			text = data
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot limit the rate of downloads: %w", err)
		}
	}
	err := hostfs.Replace(x.conf(), 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, limitRate(string(text), x.f.RateLimit))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot limit the rate of downloads: %w", err)
	}
	return []string{"ZYPP_CONF=" + x.conf()}, nil
}

// limitRate sets the limit in the text of a zypp.conf.
func limitRate(conf string, bytesPerSecond int64) string {
	const option = "download.max_download_speed"
	var out strings.Builder
	limit := fmt.Sprintf("%s = %d\n", option, bytesPerSecond)
	inMain := false
	for line := range strings.Lines(conf) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, option) {
			continue
		}
		out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		if trimmed == "[main]" && !inMain {
			inMain = true
			out.WriteString(limit)
		}
	}
	if !inMain {
		return "[main]\n" + limit + out.String()
	}
	return out.String()
}
