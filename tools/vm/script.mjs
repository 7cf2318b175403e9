// A script of ours for another kernel: bundled, since TypeScript takes its time where everything is emulated.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { at } from "../paths.mjs";
import { bundle } from "../up/bundle.mjs";

/** @param {string} entry below the root @returns {Promise<string>} the command that runs it, errors with the rest */
export async function scriptCommand(entry) {
  mkdirSync(at(".data/vm"), { recursive: true });
  const outfile = at(".data/vm", `${path.basename(entry, ".ts")}.js`);
  await bundle({ entry: at(entry), outfile });
  return `${process.execPath} ${outfile} 2>&1`;
}
