#!/usr/bin/env node
// Loads every program in every configuration on another kernel and prints the verifier's table:
// `node tools/vm/main.mjs [SERIES]`, by default 6.12. Needs everything built, apt, qemu and busybox-static.
import { mkdirSync } from "node:fs";
import { at } from "../paths.mjs";
import { bundle } from "../up/bundle.mjs";
import { fetchKernel } from "./kernel.mjs";
import { runOn } from "./machine.mjs";

/** @param {string} series @returns {Promise<{ release: string, code: number | undefined, output: string }>} */
export async function verifyOn(series) {
  const kernel = await fetchKernel(series);
  mkdirSync(at(".data/vm"), { recursive: true });
  const script = at(".data/vm/verify.js");
  await bundle({ entry: at("packages/bpf/tests/verifier-print.ts"), outfile: script });
  return { release: kernel.release, ...(await runOn(kernel, `${process.execPath} ${script} 2>&1`)) };
}

if (process.argv[1] === import.meta.filename) {
  const { code, output } = await verifyOn(process.argv[2] ?? "6.12");
  process.stdout.write(output);
  process.exitCode = code === 0 ? 0 : 1;
}
