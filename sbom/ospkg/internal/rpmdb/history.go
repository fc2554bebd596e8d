package rpmdb

import (
	"context"
	"database/sql"
)

// Reason is the install reason of a package, as dnf 4 and microdnf record it
// (TransactionItemReason in libdnf/transaction/TransactionItemReason.hpp).
type Reason int

const (
	ReasonUnknown        Reason = 0
	ReasonDependency     Reason = 1
	ReasonUser           Reason = 2
	ReasonClean          Reason = 3
	ReasonWeakDependency Reason = 4
	ReasonGroup          Reason = 5
)

// NameArch is the key of a package in the history of dnf.
type NameArch struct{ Name, Arch string }

// maxHistory is the number of rows that are read of a table: a system that is
// ten years old, with 1,000 packages and 50 updates a year, has as many.
const maxHistory = 500_000

// ReadHistory reads the history of dnf 4 (history.sqlite): for each package
// the reason of the last finished transaction that installed it, as dnf does
// (RPMItem::resolveTransactionItemReason in libdnf). A package whose last
// record is a removal has [ReasonUnknown]. A package without a record is not in
// the result.
func ReadHistory(ctx context.Context, main, wal Input) (reasons map[NameArch]Reason, err error) {
	if main.Size > maxDatabase {
		return nil, beyond("", "the history has %d bytes, more than %d", main.Size, maxDatabase)
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
		table{"trans", []string{"id", "state"}},
		table{"trans_item", []string{"id", "trans_id", "item_id", "action", "reason"}},
		table{"rpm", []string{"item_id", "name", "arch"}},
	); err != nil {
		return nil, err
	}
	// The tables are joined here and not in SQL, so that nothing depends on
	// indexes, which may contradict the tables.
	done, err := c.finished(ctx)
	if err != nil {
		return nil, err
	}
	items, err := c.items(ctx)
	if err != nil {
		return nil, err
	}
	return c.lastReasons(ctx, done, items)
}

// finished returns the transactions that succeeded.
func (c *sqliteCopy) finished(ctx context.Context) (map[int64]bool, error) {
	out := map[int64]bool{}
	err := c.each(ctx, "SELECT id FROM trans NOT INDEXED WHERE state = 1", func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		out[id] = true
		return err
	})
	return out, err
}

func (c *sqliteCopy) items(ctx context.Context) (map[int64]NameArch, error) {
	out := map[int64]NameArch{}
	err := c.each(ctx, "SELECT item_id, name, arch FROM rpm NOT INDEXED", func(rows *sql.Rows) error {
		var id int64
		var item NameArch
		err := rows.Scan(&id, &item.Name, &item.Arch)
		out[id] = item
		return err
	})
	return out, err
}

func (c *sqliteCopy) lastReasons(ctx context.Context, done map[int64]bool, items map[int64]NameArch) (map[NameArch]Reason, error) {
	// The packages that another one replaced, or that were replaced
	// (TransactionItemAction in libdnf/transaction/Types.hpp).
	const downgraded, obsoleted, upgraded, removed, reinstalled = 3, 5, 7, 8, 10
	type last struct {
		trans, item int64
		reason      Reason
	}
	latest := map[NameArch]last{}
	err := c.each(ctx, "SELECT id, trans_id, item_id, action, reason FROM trans_item NOT INDEXED", func(rows *sql.Rows) error {
		var id, trans, item, action, reason int64
		if err := rows.Scan(&id, &trans, &item, &action, &reason); err != nil {
			return err
		}
		key, known := items[item]
		switch {
		case !known, !done[trans]:
			return nil
		case action == downgraded, action == obsoleted, action == upgraded, action == reinstalled:
			return nil
		case action == removed:
			reason = int64(ReasonUnknown)
		}
		// Several records of one transaction: dnf takes any, this takes the last.
		if before, found := latest[key]; !found || trans > before.trans || trans == before.trans && id > before.item {
			latest[key] = last{trans, id, Reason(reason)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make(map[NameArch]Reason, len(latest))
	for key, l := range latest {
		out[key] = l.reason
	}
	return out, nil
}

// each calls row for each row of a query.
func (c *sqliteCopy) each(ctx context.Context, query string, row func(*sql.Rows) error) error {
	rows, err := c.db.QueryContext(ctx, query)
	if err != nil {
		return c.fail(ctx, err)
	}
	defer rows.Close()
	count := 0
	for rows.Next() {
		if count++; count > maxHistory {
			return beyond("", "a table of more than %d rows", maxHistory)
		}
		if err := row(rows); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return damaged("", "row %d: %v", count, err)
		}
	}
	if err := rows.Err(); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}
