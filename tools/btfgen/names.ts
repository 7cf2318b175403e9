/*
 * C names to TypeScript names, and which shared header is a type's home. Spelling only: no layouts here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function pascal(name: string): string {
  const text = camel(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function constant(name: string): string {
  return name.toUpperCase();
}

/** The words all enumerators begin with: FLOW_OPENER_LOCAL and FLOW_OPENER_REMOTE share "FLOW_OPENER_". */
export function sharedPrefix(names: readonly string[]): string {
  const split = names.map((name) => name.split("_"));
  const first = split[0] ?? [];
  let words = 0;
  while (words < first.length - 1 && split.every((s) => words < s.length - 1 && s[words] === first[words]))
    words++;
  return words === 0 ? "" : `${first.slice(0, words).join("_")}_`;
}

/** By type name ("struct flow_key" or "enum flow_opener"): the header's stem ("flow"). */
export function headerHomes(folder: string): Map<string, string> {
  const homes = new Map<string, string>();
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith(".h")) continue;
    const text = readFileSync(join(folder, file), "utf8");
    for (const match of text.matchAll(/^(struct|enum) (\w+) \{/gm))
      homes.set(`${match[1]} ${match[2]}`, file.slice(0, -2));
  }
  return homes;
}
