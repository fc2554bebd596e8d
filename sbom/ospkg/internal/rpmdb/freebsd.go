package rpmdb

import (
	"context"
	"database/sql"
)

// FreeBSDPackage is a package in the database of FreeBSD's pkg
// (libpkg/private/db_upgrades.h and pkgdb.c of freebsd/pkg).
type FreeBSDPackage struct {
	Name, Version, Arch, Origin string
	Size                        int64
	Automatic                   bool
	Files                       []string
	Needs                       []string // names
}

// ReadFreeBSD reads local.sqlite. The database is SQLite as those of rpm and dnf
// are, and is read with the same precautions.
func ReadFreeBSD(ctx context.Context, main, wal Input) (_ []*FreeBSDPackage, err error) {
	if main.Size > maxDatabase {
		return nil, beyond("", "the database has %d bytes, more than %d", main.Size, maxDatabase)
	}
	c, err := openSQLite(ctx, main, wal)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := c.close(); err == nil {
			err = closeErr
		}
	}()
	if err := c.require(ctx,
		table{"packages", []string{"id", "origin", "name", "version", "arch", "flatsize", "automatic"}},
		table{"files", []string{"path", "package_id"}},
		table{"deps", []string{"name", "package_id"}},
	); err != nil {
		return nil, err
	}
	var out []*FreeBSDPackage
	byID := map[int64]*FreeBSDPackage{}
	err = c.each(ctx, "SELECT id, origin, name, version, arch, flatsize, automatic FROM packages NOT INDEXED ORDER BY id", func(rows *sql.Rows) error {
		p := &FreeBSDPackage{}
		var id int64
		var arch sql.NullString
		var size sql.NullInt64
		if err := rows.Scan(&id, &p.Origin, &p.Name, &p.Version, &arch, &size, &p.Automatic); err != nil {
			return err
		}
		p.Arch, p.Size = arch.String, max(size.Int64, 0)
		out = append(out, p)
		byID[id] = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	for query, add := range map[string]func(*FreeBSDPackage, string){
		"SELECT package_id, path FROM files NOT INDEXED": func(p *FreeBSDPackage, s string) { p.Files = append(p.Files, s) },
		"SELECT package_id, name FROM deps NOT INDEXED":  func(p *FreeBSDPackage, s string) { p.Needs = append(p.Needs, s) },
	} {
		err = c.each(ctx, query, func(rows *sql.Rows) error {
			var id int64
			var text string
			if err := rows.Scan(&id, &text); err != nil {
				return err
			}
			p := byID[id]
			if p == nil {
				return damaged("", "a row of a package %d that is not there", id)
			}
			add(p, text)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
