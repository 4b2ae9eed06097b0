package pkgver_test

import (
	"bufio"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// TestAPKAgrees compares with answers of apk-tools itself, kept in a file
// because there is no apk on the systems the tests run on.
func TestAPKAgrees(t *testing.T) {
	file, err := os.Open("testdata/apk-order.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			t.Fatalf("line %d: want a relation, have %q", asked+1, lines.Text())
		}
		asked++
		a, op, b := fields[0], fields[1], fields[2]
		if got := [3]string{"<", "=", ">"}[pkgver.CompareAPK(a, b)+1]; got != op {
			t.Errorf("%s %s %s: apk says %s", a, got, b, op)
		}
		for _, v := range []string{a, b} {
			if err := pkgver.Valid(pkgver.APK, v); err != nil {
				t.Errorf("apk accepts it: %v", err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if asked < 20000 {
		t.Errorf("%d pairs, want at least 20000", asked)
	}
}
