import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAccess } from "./config.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-cli-"));
  file = path.join(folder, "config.yaml");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const read = (flags: { server?: string; token?: string }, env: NodeJS.ProcessEnv = {}) =>
  readAccess(flags, { MILLRACE_CONFIG: file, ...env });
function write(text: string) {
  writeFileSync(file, text);
  chmodSync(file, 0o600);
}

test("flags win over the environment, which wins over the file; an empty one is as none", () => {
  write("server: https://file.example\ntoken: of-file\n");
  expect(read({})).toEqual({ server: "https://file.example", token: "of-file" });
  const env = { MILLRACE_SERVER: "https://env.example/", MILLRACE_TOKEN: "of-env\n" };
  expect(read({}, env)).toEqual({ server: "https://env.example", token: "of-env" });
  expect(read({ token: "of-flag" }, env).token).toBe("of-flag");
  expect(read({}, { MILLRACE_SERVER: "", MILLRACE_TOKEN: "" })).toEqual(read({}));
});

test.each(["fleet.example", "localhost:3000", "ftp://fleet.example", "//x"])(
  "%s is no server's address",
  (server) => expect(() => read({ server })).toThrow(/is not a URL like https:/),
);

test("a secret that can't be used is not shown", () => {
  for (const token of ["hid\nden", "hid den", "hid€den"])
    expect(() => read({ token })).toThrow(/^the token holds characters(?!.*hid)/);
  expect(() => read({ server: "https://me:hidden@fleet.example" })).toThrow(
    /^no user or password(?!.*hidden)/,
  );
  write('server: https://fleet.example\ntoken: "hidden\n');
  expect(() => read({})).toThrow(new RegExp(`^${file}, line \\d+: is not valid YAML$`));
});

test("a file that others may read gives no token", () => {
  write("token: t\n");
  chmodSync(file, 0o644);
  expect(() => read({})).toThrow(`chmod 600 ${file}`);
});
