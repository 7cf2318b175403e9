// The live settings the lab writes, as last read. Looked at a few times a second: a change is not urgent,
// and a file that is replaced by rename can't be read in half.
import { readFileSync, watchFile } from "node:fs";

const FILE = "/run/lab/settings.json";
const LOOK_EVERY_MS = 200;

const read = () => JSON.parse(readFileSync(FILE, "utf8"));
let current = read();
const listeners = [];

watchFile(FILE, { interval: LOOK_EVERY_MS }, () => {
  current = read();
  for (const listener of listeners) listener(current);
});

export const settings = () => current;

/** Called now, and again after each change. */
export function onSettings(listener) {
  listeners.push(listener);
  listener(current);
}
