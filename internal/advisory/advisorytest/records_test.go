package advisorytest_test

import (
	"bytes"
	"testing"

	"github.com/lockfast/lockfast/internal/advisory/advisorytest"
)

func TestRecordsFollowFromTheSeed(t *testing.T) {
	for _, i := range []int{0, 44_999, 45_000, 45_001, 45_002, 45_003, 45_004} {
		record := advisorytest.Record(1, i)
		if !bytes.Equal(record, advisorytest.Record(1, i)) {
			t.Errorf("record %d differs from itself", i)
		}
		if bytes.Equal(record, advisorytest.Record(2, i)) {
			t.Errorf("record %d does not depend on the seed", i)
		}
		if rows, err := advisorytest.Rows(1, i); err != nil || len(rows) == 0 {
			t.Errorf("record %d: %d rows, error %v", i, len(rows), err)
		}
	}
}

func TestZip(t *testing.T) {
	first, err := advisorytest.Zip(1, 20)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := advisorytest.Zip(1, 20); err != nil || !bytes.Equal(first, second) {
		t.Errorf("two different zips, error %v", err)
	}
}
