/*
 * `node --import tsx tools/btfgen/main.ts <abi.bpf.o> <shared headers> <output folder> <hash header>
 * [--check]`: rewrites the generated decoders, or with --check fails when the committed ones differ.
 * The hash header gives the BPF programs the same number as abi-hash.ts gives TypeScript.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLayouts } from "./btf.ts";
import { abiHash, generate } from "./generate.ts";
import { headerHomes } from "./names.ts";

function differences(folder: string, files: Map<string, string>): string[] {
  const committed = existsSync(folder) ? readdirSync(folder) : [];
  const stale = committed.filter((name) => !files.has(name)).map((name) => `${name}: no longer generated`);
  const changed = [...files]
    .filter(([name, text]) => !committed.includes(name) || readFileSync(join(folder, name), "utf8") !== text)
    .map(([name]) => `${name}: differs from what the headers say`);
  return [...stale, ...changed];
}

/** What is as it was keeps its time, so that nothing is built anew because of it. */
function writeChanged(path: string, text: string): void {
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}

function main(args: string[]): number {
  const check = args.includes("--check");
  const [object, headers, folder, hashHeader] = args.filter((arg) => !arg.startsWith("--"));
  if (!object || !headers || !folder || !hashHeader) {
    console.error("usage: btfgen <abi.bpf.o> <shared headers> <output folder> <hash header> [--check]");
    return 2;
  }
  const layouts = readLayouts(object);
  const files = generate(layouts, headerHomes(headers));
  const different = differences(folder, files);
  writeChanged(hashHeader, `#define ABI_HASH 0x${abiHash(layouts).toString(16).padStart(16, "0")}ULL\n`);
  if (check) {
    for (const line of different) console.error(`drift: ${line}`);
    return different.length === 0 ? 0 : 1;
  }
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name));
  for (const [name, text] of files) writeChanged(join(folder, name), text);
  return 0;
}

process.exitCode = main(process.argv.slice(2));
