// What PostgreSQL says when it doesn't start, as a person is told it.
import { expect, test } from "vitest";
import { complaintIn } from "./postgres.mjs";

test("of a long report the last complaint is told, with its detail", () => {
  const said = `2026-01-01T00:00:00Z db        LOG:  starting
2026-01-01T00:00:00Z db        FATAL:  database files are incompatible with server
2026-01-01T00:00:00Z db        DETAIL:  The data directory was initialized by PostgreSQL version 17.
`;
  expect(complaintIn(said)).toBe(
    "FATAL:  database files are incompatible with server DETAIL:  The data directory was initialized by PostgreSQL version 17.",
  );
});

test("a failed initdb is one line", () => {
  const said = `creating configuration files ... ok
performing post-bootstrap initialization ... 2026-01-01 UTC [7] FATAL:  could not write to file "base/4/1249": No space left on device
2026-01-01 UTC [7] STATEMENT:  CREATE DATABASE template0;
\t
child process exited with exit code 1
initdb: removing contents of data directory "/x/pg.new"
`;
  expect(complaintIn(said)).toBe('FATAL:  could not write to file "base/4/1249": No space left on device');
});

test("without a complaint all of it is told", () => {
  expect(complaintIn("\nspawn unshare ENOENT\n")).toBe("spawn unshare ENOENT");
});
