// Runs SQL from standard input in DuckDB, one JSON string a line, and prints the result
// of each as a line of JSON: {"columns": [...], "rows": [[...]], "ms": 1.5, "cpu": 2.5,
// "mib": 80} or {"error": "..."}. ms is the time and cpu that of all processors, in
// milliseconds; mib is the most memory that the process had.
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';

const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const db = await instance.connect();
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const start = performance.now(), before = process.cpuUsage();
    const reader = await db.runAndReadAll(JSON.parse(line));
    const ms = performance.now() - start, { user, system } = process.cpuUsage(before);
    answer = { columns: reader.columnNames(), rows: reader.getRowsJson(), ms, cpu: (user + system) / 1000, mib: Math.round(process.resourceUsage().maxRSS / 1024) };
  } catch (e) {
    answer = { error: String(e.message) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
