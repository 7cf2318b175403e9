// What this container counts of its own work, written once a second for `lab status`. The counts are the
// programs' view; what was on the wire is for others to say.
import { renameSync, writeFileSync } from "node:fs";

const FILE = "/run/report/report.json";
const WRITE_EVERY_MS = 1_000;
const counts = {};

export function count(name, by = 1) {
  counts[name] = (counts[name] ?? 0) + by;
}

export function gauge(name, value) {
  counts[name] = value;
}

/** A full disk costs the report, not the traffic. */
export function writeReport() {
  try {
    writeFileSync(`${FILE}.new`, JSON.stringify(counts));
    renameSync(`${FILE}.new`, FILE);
  } catch (error) {
    console.error(`the report isn't written: ${error.message}`);
  }
}

setInterval(writeReport, WRITE_EVERY_MS);
