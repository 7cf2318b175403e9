// Secrets at rest.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { secretsIn } from "./secrets.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-secrets-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("secrets are made once, long, and readable by their user only", () => {
  const file = path.join(folder, "deep/secrets.json");
  const first = secretsIn(file);
  expect(secretsIn(file)).toEqual(first);
  expect(first.authSecret.length).toBeGreaterThanOrEqual(32);
  expect(first.databasePassword.length).toBeGreaterThanOrEqual(32);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("secrets that can't be read are named, and not replaced by new ones", () => {
  const file = path.join(folder, "secrets.json");
  writeFileSync(file, '{"databasePassword": "hid');
  expect(() => secretsIn(file)).toThrow(new RegExp(`^${file} can't be read as JSON(?!.*hid)`));
  expect(readFileSync(file, "utf8")).toBe('{"databasePassword": "hid');
});

test("a secret that a newer version needs is added, the others stay", () => {
  const file = path.join(folder, "secrets.json");
  writeFileSync(file, JSON.stringify({ databasePassword: "kept" }));
  const { databasePassword, authSecret } = secretsIn(file);
  expect(databasePassword).toBe("kept");
  expect(JSON.parse(readFileSync(file, "utf8")).authSecret).toBe(authSecret);
});
