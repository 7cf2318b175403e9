/** Manifests on the disk: which files are meant by a name. What stands in them is packages/policy's to read. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Source } from "@millrace/policy/manifest";
import { UsageError } from "./failure.ts";

const STDIN = 0;

/** Each name a file, a directory (its own YAML and JSON files, by name), or "-". */
export function readSources(names: readonly string[]): Source[] {
  return names.flatMap((name) => {
    if (name === "-") return [{ name: "stdin", text: readFileSync(STDIN, "utf8") }];
    try {
      return filesOf(name).map((file) => ({ name: file, text: readFileSync(file, "utf8") }));
    } catch (error) {
      throw new UsageError(`${name}: ${(error as Error).message}`);
    }
  });
}

function filesOf(name: string): string[] {
  if (!statSync(name).isDirectory()) return [name];
  const files = readdirSync(name).filter((file) => /\.(ya?ml|json)$/.test(file));
  if (files.length === 0) throw new UsageError(`${name}: holds no .yaml, .yml or .json file`);
  return files.sort().map((file) => path.join(name, file));
}
