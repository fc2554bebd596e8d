#!/usr/bin/env bash
#
# Ask the questions of docs/fleet-questions.md about more and more nights, and print for each number
# of nights the size and, for each question, the time and the CPU time in milliseconds,
# the most memory of DuckDB in MiB, and the number of rows.
#
#   cd cmd/depaudit
#   DEPAUDIT_E2E=1 DEPAUDIT_E2E_FLEET=NIGHT DEPAUDIT_E2E_CACHE=CACHE go test -run 'TestFleetNight$' -timeout 60m
#   ../../testdata/bench/fleet.sh CACHE/duckdb NIGHT OUT [NIGHTS...]
#
# The paths are absolute. NIGHT has the export and the Parquet of one night of ten
# thousand stages, as that test leaves it. OUT gets the other nights, which are two
# variants of it and itself: an eighth or a sixteenth of the packages at another version,
# one in a hundred left out, and no liblzma 5.6 before the last twenty nights. A night is
# a file, so that many nights are links to few files, which are read all the same.

set -euo pipefail

duckdb=$(realpath "$1") night=$(realpath "$2") out=$3
shift 3
[ $# -gt 0 ] || set -- 1 3 10 30 100
docs=$(realpath "$(dirname "$0")/../../docs")
last=2026-11-28
mkdir -p "$out/variants"
cd "$out"

# ask FILE prints "MS/CPU/MIB/ROWS" of the last statement of SQL, in a process of its own.
ask() {
    node -e '
        const text = require("fs").readFileSync(0, "utf8");
        for (const s of text.split(/;\s*$/m)) if (s.trim()) console.log(JSON.stringify(s));' |
        node "$duckdb/query.mjs" | node -e '
        const lines = require("fs").readFileSync(0, "utf8").trim().split("\n").map(JSON.parse);
        for (const l of lines) if (l.error) { console.error(l.error); process.exit(1); }
        const l = lines.at(-1);
        console.log([Math.round(l.ms), Math.round(l.cpu), l.mib, l.rows.length].join("/"));'
}

# section NAME prints the SQL of a section of the two pages.
section() { awk -v s="<!-- $1 -->" -v e="<!-- end of $1 -->" '$0 == s { on = 1; next } $0 == e { on = 0 } on && !/^```/' "$docs"/fleet-tables.md "$docs"/fleet-questions.md; }

variant() { # NAME SHARE LEFT_OUT LIBLZMA
    [ -e "variants/$1" ] && return
    mkdir "variants/$1.new"
    ask >/dev/null <<SQL
COPY (
  SELECT * EXCLUDE (date) REPLACE (
    CASE WHEN $4 THEN '5.4.1-1' WHEN hash(key) % $2 = 0 THEN version || '+u9' ELSE version END AS version,
    CASE WHEN $4 THEN '15|14|11.11.' WHEN hash(key) % $2 = 0 THEN version_key || '9' ELSE version_key END AS version_key,
    CASE WHEN $4 THEN replace(id, version, '5.4.1-1') WHEN hash(key) % $2 = 0 THEN replace(id, version, version || '+u9') ELSE id END AS id)
  FROM read_parquet('$night/parquet/dependency/v1/*/*.parquet', hive_partitioning = true)
  WHERE hash(pipeline || key) % 100 <> $3
) TO 'variants/$1.new/dependency.parquet' (FORMAT parquet, COMPRESSION zstd);
SQL
    mv "variants/$1.new" "variants/$1"
}
variant old 8 0 "name = 'liblzma5'"
variant new 16 1 FALSE

printf '| stage-nights | Parquet | %s |\n' "holds | first seen | growth | foreign origins | weakest evidence | expiring exceptions"
for nights; do
    rm -rf parquet
    for ((i = 0; i < nights; i++)); do
        date=$(date -u -d "$last - $i days" +%F)
        mkdir -p "parquet/dependency/v1/date=$date" "parquet/stage_night/v1/date=$date"
        ln -s "$night"/parquet/stage_night/v1/*/*.parquet "parquet/stage_night/v1/date=$date/night.parquet"
        case $i in
        0) from=$(echo "$night"/parquet/dependency/v1/*/*.parquet) ;;
        ?|1?) from=$PWD/variants/new/dependency.parquet ;;
        *) from=$PWD/variants/old/dependency.parquet ;;
        esac
        ln -s "$from" "parquet/dependency/v1/date=$date/night.parquet"
    done
    row="| $((nights * 10000)) | $(find -L parquet -type f -printf "%s\n" | awk "{ n += \$1 } END { printf \"%.0f MB\", n / 1e6 }") |"
    for q in "holds" "first seen" "growth" "foreign origins" "weakest evidence" "expiring exceptions"; do
        row+=" $({ section "parquet views"; section "question: $q"; } | ask) |"
    done
    echo "$row"
done
