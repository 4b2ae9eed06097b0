package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	maxSecret = 4 << 10
	maxCA     = 1 << 20
	// minKey is short for a key, but too long to be tried out.
	minKey = 16
)

// readSecret reads a secret, which is one line of a file that nobody else may
// read.
func readSecret(file string) (string, error) {
	if !filepath.IsAbs(file) {
		return "", fmt.Errorf("cannot read secret %s: write the whole path", file)
	}
	dir, base := filepath.Split(file)
	tree := os.DirFS(dir)
	info, err := fs.Stat(tree, base)
	if err != nil {
		return "", fmt.Errorf("cannot read secret %s: %w", file, reason(err))
	}
	if runtime.GOOS != "windows" && info.Mode()&0o077 != 0 { // there the bits mean nothing
		return "", fmt.Errorf("cannot use secret %s: others may read it (chmod 600)", file)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("cannot read secret %s: it is no file", file)
	}
	data, err := hostfs.ReadLimited(tree, base, maxSecret)
	if err != nil {
		return "", fmt.Errorf("cannot read secret %s: %w", file, reason(err))
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n\x00") {
		return "", fmt.Errorf("cannot use secret %s: it has to be one line with something in it", file)
	}
	return secret, nil
}

// reason is the cause of a path error, whose path is only part of ours.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func readCA(file string) (string, error) {
	if !filepath.IsAbs(file) {
		return "", fmt.Errorf("cannot read certificates %s: write the whole path", file)
	}
	dir, base := filepath.Split(file)
	data, err := hostfs.ReadLimited(os.DirFS(dir), base, maxCA)
	if err != nil {
		return "", fmt.Errorf("cannot read certificates %s: %w", file, reason(err))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return "", fmt.Errorf("cannot use certificates %s: there is none in it; they have to be PEM", file)
	}
	return string(data), nil
}

// tlsConfig trusts the system's certificates and those of the site.
func tlsConfig(host, ca string) (*tls.Config, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if ca != "" && !roots.AppendCertsFromPEM([]byte(ca)) {
		return nil, errors.New("the order's certificates are damaged")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots}, nil
}
