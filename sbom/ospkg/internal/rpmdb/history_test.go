package rpmdb

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// history has the tables of libdnf/transaction/sql/create_tables.sql, as far
// as they are read.
func history(t *testing.T, statements ...string) []byte {
	t.Helper()
	return editSQLite(t, nil, append([]string{
		"CREATE TABLE trans (id INTEGER PRIMARY KEY AUTOINCREMENT, dt_begin INTEGER NOT NULL, state INTEGER NOT NULL)",
		"CREATE TABLE trans_item (id INTEGER PRIMARY KEY AUTOINCREMENT, trans_id INTEGER, item_id INTEGER, action INTEGER NOT NULL, reason INTEGER NOT NULL, state INTEGER NOT NULL)",
		"CREATE TABLE rpm (item_id INTEGER UNIQUE NOT NULL, name TEXT NOT NULL, arch TEXT NOT NULL)",
		"CREATE INDEX trans_item_item_id ON trans_item(item_id)",
		"INSERT INTO trans VALUES (1, 0, 1), (2, 0, 1), (3, 0, 2), (4, 0, 1)",
		"INSERT INTO rpm VALUES (1, 'a', 'x'), (2, 'a', 'x'), (3, 'b', 'x'), (4, 'b', 'y'), (5, 'c', 'x'), (6, 'd', 'x')",
	}, statements...)...)
}

func TestHistory(t *testing.T) {
	data := history(t, "INSERT INTO trans_item (trans_id, item_id, action, reason, state) VALUES "+
		"(1, 1, 1, 1, 1), "+ // a came as a dependency,
		"(2, 2, 6, 2, 1), "+ // was requested with its upgrade,
		"(2, 1, 7, 1, 1), "+ // which replaced the old one,
		"(3, 2, 11, 1, 1), "+ // and a change of that failed
		"(1, 3, 1, 4, 1), "+ // b came as a weak dependency,
		"(4, 4, 1, 5, 1), "+ // and of another architecture with a group
		"(1, 5, 1, 2, 1), (4, 5, 8, 2, 1), "+ // c was removed again
		"(9, 6, 1, 2, 1)") // d in a transaction that is not there
	got, err := ReadHistory(t.Context(), input(data), Input{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[NameArch]Reason{{"a", "x"}: ReasonUser, {"b", "x"}: ReasonWeakDependency, {"b", "y"}: ReasonGroup, {"c", "x"}: ReasonUnknown}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestBadHistory(t *testing.T) {
	good := history(t)
	for name, data := range map[string][]byte{
		"no table":         history(t, "DROP TABLE rpm"),
		"no column":        history(t, "ALTER TABLE trans RENAME COLUMN state TO s"),
		"a view":           history(t, "ALTER TABLE rpm RENAME TO r", "CREATE VIEW rpm AS SELECT 1 AS item_id, 'a' AS name, 'x' AS arch"),
		"a reason of text": history(t, "INSERT INTO trans_item (trans_id, item_id, action, reason, state) VALUES (1, 1, 1, 'because', 1)"),
		"truncated":        good[:len(good)-4096],
		"text":             []byte("this is a text"),
		"empty":            nil,
	} {
		_, err := ReadHistory(context.Background(), input(data), Input{})
		var bad *DamagedError
		if !errors.As(err, &bad) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
