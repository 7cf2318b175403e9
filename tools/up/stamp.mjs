// Skips a step whose inputs are what they were when it last succeeded: a hash over names and bytes. A
// step's outputs are looked for too, so that what was deleted is made again. Times of files mean nothing.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { at, root } from "../paths.mjs";

const skipped = new Set(["node_modules", "build", "out", "next-env.d.ts"]);
const isIrrelevant = (name) => skipped.has(name) || name.startsWith(".") || /\.(test\.tsx?|md)$/.test(name);

/** Files below, in an order that doesn't depend on the file system. A name given by itself is never skipped. */
function* filesBelow(entry) {
  if (!existsSync(entry)) return;
  let inside;
  try {
    inside = readdirSync(entry, { withFileTypes: true });
  } catch {
    yield entry; // a file
    return;
  }
  for (const child of inside.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!isIrrelevant(child.name)) yield* filesBelow(path.join(entry, child.name));
  }
}

/** @param {string[]} inputs files and folders, absolute @param {string} [also] what else the result depends on */
export function hashOf(inputs, also = "") {
  const hash = createHash("sha256").update(`${process.version}\0${process.arch}\0${also}`);
  for (const input of inputs) {
    for (const file of filesBelow(input)) {
      hash.update(`\0${path.relative(root, file)}\0`).update(readFileSync(file));
    }
  }
  return hash.digest("hex");
}

/** @typedef {{ name: string, inputs: string[], outputs: string[], also?: string }} Stamped */

const stampFile = (folder, step) => path.join(folder, step.name.replace(/[^a-z0-9]+/gi, "-"));

/** Runs `work` unless nothing changed since it last succeeded. Says whether it ran.
 * @param {Stamped} step @param {() => Promise<void>} work @param {string} [folder] */
export async function whenChanged(step, work, folder = at(".data/stamps")) {
  const file = stampFile(folder, step);
  const key = hashOf(step.inputs, step.also);
  const unchanged = existsSync(file) && readFileSync(file, "utf8") === key;
  if (unchanged && step.outputs.every((output) => existsSync(output))) return false;
  rmSync(file, { force: true });
  await work();
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, key);
  return true;
}
