// Bundles: what goes in, what stays out, and where a source thinks it is.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bundle, withOwnPlace } from "./bundle.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-bundle-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(sources: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  const outfile = path.join(folder, "app/build/main.js");
  await bundle({ entry: path.join(folder, "app/src/main.ts"), outfile });
  return execFileSync(process.execPath, [outfile], { encoding: "utf8" });
}

test("a bundled source knows its own place, not the bundle's", async () => {
  const said = await run({
    "app/src/main.ts": 'import { here } from "../../deep/place/here.ts"; console.log(JSON.stringify(here));',
    "deep/place/here.ts":
      "export const here = [import.meta.dirname, import.meta.filename, import.meta.url] as const;",
  });
  const place = path.join(folder, "deep/place");
  expect(JSON.parse(said)).toEqual([place, `${place}/here.ts`, `file://${place}/here.ts`]);
});

test("a source that doesn't ask for its place is left as it is", () => {
  expect(withOwnPlace("const a = 1;", "/a/b.ts", "/a/out.js")).toBe("const a = 1;");
});

test("packages stay outside", async () => {
  const text = 'import { z } from "zod"; export const text = z.string();';
  await run({
    "app/src/main.ts": 'import path from "node:path"; console.log(path.sep);',
    "app/src/x.ts": text,
  });
  const outfile = path.join(folder, "x.js");
  await bundle({ entry: path.join(folder, "app/src/x.ts"), outfile });
  expect(readFileSync(outfile, "utf8")).toMatch(/from "zod"/);
});

test("an entry point that doesn't compile is named with its line", async () => {
  writeFileSync(path.join(folder, "bad.ts"), "const = 1;");
  const build = bundle({ entry: path.join(folder, "bad.ts"), outfile: path.join(folder, "bad.js") });
  await expect(build).rejects.toThrow(/bad\.ts:1:6/);
});
