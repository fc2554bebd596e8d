#!/usr/bin/env python3
"""Ask the questions of docs/fleet-questions.md with nothing but Python and its SQLite (3.39).

    python3 sqlite.py fleet fleet.sqlite             reads an export into a new file
    python3 sqlite.py fleet.sqlite < question.sql    prints the answer, tab-separated
"""

import csv
import glob
import gzip
import json
import os
import re
import sqlite3
import sys
from datetime import date

TABLES = ("stage_night", "dependency")


def load(export, path):
    new = path + ".new"
    if os.path.exists(new):
        os.remove(new)
    db = sqlite3.connect(new)
    db.execute("PRAGMA journal_mode = OFF")  # the file is new, and named when it is whole
    db.execute("PRAGMA synchronous = OFF")
    for table in TABLES:
        parts = sorted(glob.glob(os.path.join(glob.escape(export), table, "v1", "date=*", "*.ndjson.gz")))
        if not parts:
            sys.exit(f"no export of {table}/v1: {export}")
        # A newer version of depaudit may have more columns.
        columns = next(filter(None, (next(map(list, read(part)), None) for part in reversed(parts))), None)
        if columns is None:
            sys.exit(f"no rows of {table}/v1: {export}")
        names, marks = ", ".join(f'"{c}"' for c in columns), ", ".join("?" * len(columns))
        db.execute(f"CREATE TABLE {table} ({names})")
        for part in parts:
            db.executemany(f"INSERT INTO {table} VALUES ({marks})", (values(r, columns) for r in read(part)))
    db.execute("CREATE INDEX of_report ON dependency (report_sha256, stage)")
    db.execute("CREATE INDEX of_name ON dependency (name, version_epoch, version_key)")
    db.commit()
    db.close()
    os.replace(new, path)


def read(part):
    with gzip.open(part, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def values(row, columns):
    return [json.dumps(v) if isinstance(v, list) else v for v in map(row.get, columns)]


def ask(path, sql):
    if not os.path.exists(path):
        sys.exit(f"no such file: {path}")
    db = sqlite3.connect(path)
    days = lambda _, a, b: b and (date.fromisoformat(b) - date.fromisoformat(a)).days
    db.create_function("date_diff", 3, days, deterministic=True)
    db.create_function("regexp_matches", 2, lambda s, p: s and re.search(p, s) is not None, deterministic=True)
    db.create_function("regexp_replace", 3, lambda s, p, by: s and re.sub(p, by, s, count=1), deterministic=True)
    db.execute("PRAGMA case_sensitive_like = ON")
    # SQLite has no literals of dates and no position, and lists are JSON.
    sql = re.sub(r"\bDATE '", "'", sql)
    sql = re.sub(r"position\(('(?:[^']|'')*') IN (.*?)\) > 0", r"instr(\2, \1) > 0", sql)
    sql = re.sub(r"CROSS JOIN UNNEST\((\S+)\) AS u\(x\)", r"CROSS JOIN json_each(\1) AS u", sql)
    sql = re.sub(r"\bx\.(\w+)", r"json_extract(u.value, '$.\1')", sql)
    try:
        answer = db.execute(sql)
    except sqlite3.Error as e:
        sys.exit(f"SQLite {sqlite3.sqlite_version}: {e}")
    if answer.description is None:
        sys.exit("no question: the input has no SELECT")
    out = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    out.writerow(re.sub(r"^json_extract\(u\.value, '\$\.(\w+)'\)$", r"\1", c[0]) for c in answer.description)
    out.writerows(answer)


if len(sys.argv) == 3:
    load(sys.argv[1], sys.argv[2])
elif len(sys.argv) == 2:
    ask(sys.argv[1], sys.stdin.read())
else:
    sys.exit(__doc__)
