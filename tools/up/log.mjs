// The combined log: who said what, one line each, to the terminal and to a file that is turned over by
// size. It changes no line but those that programs write as JSON. A full disk costs lines, never the run.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { readableLine } from "./log-line.mjs";

const nameWidth = 9;
const palette = { up: 36, build: 33, db: 34, web: 32, ingest: 35, lab: 94, agent: 95 };

/** A file of at most `maxBytes`, with `keep` older ones beside it (.1 is the newest).
 * @param {string} file @param {{ maxBytes: number, keep: number }} limits */
export function openRotatingFile(file, limits) {
  mkdirSync(path.dirname(file), { recursive: true });
  let handle = openSync(file, "a", 0o600);
  let size = statSync(file).size;
  let lost = 0;
  const turnOver = () => {
    rmSync(`${file}.${limits.keep}`, { force: true });
    for (let n = limits.keep - 1; n >= 1; n--) renameIfThere(`${file}.${n}`, `${file}.${n + 1}`);
    renameIfThere(file, `${file}.1`);
    const fresh = openSync(file, "a", 0o600); // may fail: until it is there the old one stays open
    closeSync(handle);
    handle = fresh;
    size = 0;
  };
  return {
    write: (text) => {
      try {
        if (size > 0 && size + text.length > limits.maxBytes) turnOver();
        const report = lost ? `${lost} lines were lost: the log could not be written\n` : "";
        size += writeSync(handle, report + text);
        lost = 0;
      } catch {
        lost++;
      }
    },
    close: () => closeSync(handle),
  };
}

function renameIfThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

/** @typedef {ReturnType<typeof createLog>} Log */

/** @param {{ file: string, maxBytes?: number, keep?: number, out?: NodeJS.WritableStream & { isTTY?: boolean } }} options */
export function createLog(options) {
  const out = options.out ?? process.stdout;
  const limits = { maxBytes: options.maxBytes ?? 16 << 20, keep: options.keep ?? 3 };
  const file = openRotatingFile(options.file, limits);
  const column = (name) => {
    const padded = name.padEnd(nameWidth);
    const code = palette[name.replace(/[^a-z].*/, "")] ?? 37;
    return out.isTTY ? `\x1b[${code}m${padded}\x1b[0m` : padded;
  };
  const tell = (name, text) => out.write(`${column(name)} ${readableLine(text)}\n`);
  const line = (name, text) => {
    file.write(`${new Date().toISOString()} ${name.padEnd(nameWidth)} ${readableLine(text)}\n`);
    tell(name, text);
  };
  return {
    line,
    /** To the terminal alone: what holds a password. */
    tell,
    /** Takes a stream apart into lines. A line without end is cut, so that nothing grows without bound. */
    pipe: (name, stream) => {
      let rest = "";
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        const lines = (rest + text).split("\n");
        rest = (lines.pop() ?? "").slice(0, 64 << 10);
        for (const one of lines) line(name, one);
      });
      stream.on("end", () => rest && line(name, rest));
    },
    close: () => file.close(),
  };
}
