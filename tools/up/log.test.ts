// The combined log and its file.
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog, openRotatingFile } from "./log.mjs";
import { readableLine } from "./log-line.mjs";

let folder: string;
const file = (name: string) => path.join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the log never takes more than its limit, and keeps the newest lines", () => {
  const log = openRotatingFile(file("x.log"), { maxBytes: 100, keep: 2 });
  for (let n = 0; n < 100; n++) log.write(`line ${n}\n`);
  log.close();
  expect(readdirSync(folder).sort()).toEqual(["x.log", "x.log.1", "x.log.2"]);
  for (const name of readdirSync(folder)) expect(statSync(file(name)).size).toBeLessThanOrEqual(100);
  expect(readFileSync(file("x.log"), "utf8")).toMatch(/line 99\n$/);
});

test("a new start goes on in the same file", () => {
  for (const text of ["one\n", "two\n"]) {
    const log = openRotatingFile(file("x.log"), { maxBytes: 1000, keep: 1 });
    log.write(text);
    log.close();
  }
  expect(readFileSync(file("x.log"), "utf8")).toBe("one\ntwo\n");
});

test("what is told to the person at the terminal stays out of the file", () => {
  const out = new PassThrough();
  const log = createLog({ file: file("x.log"), out });
  log.line("up", "ready");
  log.tell("up", "the password is 1234");
  log.close();
  expect(out.read().toString()).toContain("1234");
  expect(readFileSync(file("x.log"), "utf8")).toMatch(/^\S+ up +ready\n$/);
});

test("each line of a stream has its speaker in front, also one that comes in pieces or unfinished", async () => {
  const out = new PassThrough();
  const log = createLog({ file: file("x.log"), out });
  const source = new PassThrough();
  log.pipe("agent h1", source);
  source.write("first\nsec");
  source.write("ond\nlast");
  const ended = new Promise((resolve) => source.once("end", resolve));
  source.end();
  await ended;
  log.close();
  expect(String(out.read())).toBe("agent h1  first\nagent h1  second\nagent h1  last\n");
  expect(existsSync(file("x.log"))).toBe(true);
});

test("a structured record reads as level, message and fields", () => {
  expect(readableLine('{"level":40,"time":1,"pid":2,"msg":"slow","ms":7,"what":"a b"}')).toBe(
    'warn: slow ms=7 what="a b"',
  );
  expect(readableLine('{"level":30,"msg":"ready"}')).toBe("ready");
});

test("control characters are shown, not sent to the terminal; colours go, lines and tabs stay", () => {
  expect(readableLine('{"msg":"pod is here","pod":"web\\u001b]0;owned\\u0007\\u009b2J"}')).toBe(
    "pod is here pod=web\\x1b]0;owned\\x07\\x9b2J",
  );
  expect(readableLine("\x1b[1;31mfailed\x1b[0m:\n\tline 1\r")).toBe("failed:\n\tline 1\\x0d");
});

test("a log that can't be turned over goes on in its old file, and writes into no other", () => {
  const log = openRotatingFile(file("gone/x.log"), { maxBytes: 10, keep: 1 });
  rmSync(file("gone"), { recursive: true });
  log.write("first\n");
  log.write("second\n"); // has to turn over, and can't
  const other = openSync(file("other"), "w"); // takes the lowest free descriptor
  log.write("third\n");
  mkdirSync(file("gone"));
  log.write("fourth\n");
  closeSync(other);
  log.close();
  expect(readFileSync(file("other"), "utf8")).toBe("");
  expect(readFileSync(file("gone/x.log"), "utf8")).toBe(
    "2 lines were lost: the log could not be written\nfourth\n",
  );
});

test("what only looks like a record stays as it is", () => {
  for (const text of ["plain", "{", "{}", '{"a":1}', "[1]"]) expect(readableLine(text)).toBe(text);
});
