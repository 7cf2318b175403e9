#!/usr/bin/env node
// Loads every program in every configuration on another kernel and prints the verifier's table:
// `node tools/vm/main.mjs [SERIES]`, by default 6.12. Needs everything built, apt, qemu and busybox-static.
import { fetchKernel } from "./kernel.mjs";
import { runOn } from "./machine.mjs";
import { scriptCommand } from "./script.mjs";

/** @param {string} series @returns {Promise<{ release: string, code: number | undefined, output: string }>} */
export async function verifyOn(series) {
  const kernel = await fetchKernel(series);
  const command = await scriptCommand("packages/bpf/tests/verifier-print.ts");
  return { release: kernel.release, ...(await runOn(kernel, command)) };
}

if (process.argv[1] === import.meta.filename) {
  const { code, output } = await verifyOn(process.argv[2] ?? "6.12");
  process.stdout.write(output);
  process.exitCode = code === 0 ? 0 : 1;
}
