/*
 * Layouts and their headers to the generated files' names and text. No disk here but what names.ts read.
 */
import { createHash } from "node:crypto";
import { emitHash, emitModule, type Module } from "./emit.ts";
import { canonicalText, type Layouts } from "./layout.ts";

export function abiHash(layouts: Layouts): bigint {
  return createHash("sha256").update(canonicalText(layouts)).digest().readBigUInt64BE(0);
}

export function generate(layouts: Layouts, homes: Map<string, string>): Map<string, string> {
  const modules = new Map<string, Module>();
  const moduleOf = (type: string): Module => {
    const home = homes.get(type);
    if (!home) throw new Error(`${type} is anchored but no shared header declares it`);
    const module = modules.get(home) ?? { structs: [], enums: [] };
    modules.set(home, module);
    return module;
  };
  for (const e of layouts.enums) moduleOf(`enum ${e.name}`).enums.push(e);
  for (const s of layouts.structs) moduleOf(`struct ${s.name}`).structs.push(s);
  assertAllAnchored(layouts, homes);

  const homeOf = (struct: string) => homes.get(`struct ${struct}`) ?? "";
  const files = new Map<string, string>();
  for (const [home, module] of modules) files.set(`${home}.ts`, emitModule(module, homeOf, home));
  files.set("abi-hash.ts", emitHash(abiHash(layouts)));
  return files;
}

function assertAllAnchored(layouts: Layouts, homes: Map<string, string>): void {
  const anchored = new Set([
    ...layouts.enums.map((e) => `enum ${e.name}`),
    ...layouts.structs.map((s) => `struct ${s.name}`),
  ]);
  const missing = [...homes.keys()].filter((type) => !anchored.has(type));
  if (missing.length > 0) throw new Error(`no anchor in abi.bpf.c for ${missing.join(", ")}`);
}
