package rpm

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	_ "modernc.org/sqlite" // the driver
	"modernc.org/sqlite/vfs"
)

// headers calls each for every header of an rpmdb.sqlite, which is opened
// through fsys and never written.
func headers(ctx context.Context, fsys fs.FS, name string, each func(Header) error) (err error) {
	if info, err := fs.Stat(fsys, name+"-wal"); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s has changes in %s-wal that rpm has not yet written back; run rpm -qa on that host once", name, name)
	}
	id, closer, err := vfs.New(fsys)
	if err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	defer func() { _ = closer.Close() }()
	db, err := sql.Open("sqlite", "file:"+name+"?vfs="+id+"&mode=ro&immutable=1")
	if err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	defer func() { _ = db.Close() }() // only read from
	rows, err := db.QueryContext(ctx, "SELECT hnum, blob FROM Packages ORDER BY hnum")
	if err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var number int64
		var blob sql.RawBytes
		if err := rows.Scan(&number, &blob); err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		h, err := ParseHeader(blob)
		if err == nil {
			err = each(h)
		}
		if err != nil {
			return fmt.Errorf("%s: package %d: %w", name, number, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	return nil
}
