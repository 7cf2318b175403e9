import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSources } from "./manifest.ts";

const directory = mkdtempSync(path.join(tmpdir(), "manifest-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("files, directories and their order", () => {
  const at = (name: string) => path.join(directory, name);
  mkdirSync(at("d/below"), { recursive: true });
  for (const name of ["d/b.yaml", "d/a.yml", "d/c.json", "d/d.txt", "d/below/e.yaml"])
    writeFileSync(at(name), `kind: ${path.basename(name)}\n`);
  const names = (...given: string[]) => readSources(given).map(({ name }) => path.relative(directory, name));
  expect(names(at("d"))).toEqual(["d/a.yml", "d/b.yaml", "d/c.json"]);
  expect(names(at("d/d.txt"), at("d/b.yaml"))).toEqual(["d/d.txt", "d/b.yaml"]);
  expect(() => readSources([at("none.yaml")])).toThrow(/none.yaml: ENOENT/);
  mkdirSync(at("empty"));
  expect(() => readSources([at("empty")])).toThrow(/holds no .yaml/);
});
