// The complaints before anything starts.
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { fileProblems, freePort, machineProblems, portProblem } from "./preflight.mjs";

const good = {
  nodeVersion: "20.19.0",
  platform: "linux",
  arch: "x64",
  root: true,
  btf: true,
  freeBytes: 100 * 2 ** 30,
};
const serving = { observes: true, built: false };

test("a machine that has everything hears nothing", () => {
  expect(machineProblems(good, serving)).toEqual([]);
  expect(machineProblems({ ...good, nodeVersion: "24.1.0" }, serving)).toEqual([]);
});

test.each([
  [{ nodeVersion: "20.18.3" }, /Node 20\.18\.3 is too old/],
  [{ nodeVersion: "18.20.0" }, /too old/],
  [{ platform: "darwin" }, /runs on Linux/],
  [{ arch: "riscv64" }, /no embedded PostgreSQL for riscv64/],
  [{ root: false }, /^not root: .*sudo npm start/],
  [{ btf: false }, /CONFIG_DEBUG_INFO_BTF/],
  [{ freeBytes: 2 ** 30 }, /1\.0 GiB free on .* 3\.0 GiB are needed/],
])("%o is one clear line", (change, line) => {
  expect(machineProblems({ ...good, ...change }, serving)).toEqual([expect.stringMatching(line)]);
});

test("building needs neither root nor BTF", () => {
  const plain = { ...good, root: false, btf: false };
  expect(machineProblems(plain, { observes: false, built: false })).toEqual([]);
});

test("everything that is wrong is said at once", () => {
  expect(machineProblems({ ...good, root: false, btf: false }, serving)).toHaveLength(2);
});

test("a taken port is named with the variable that moves it; a free one isn't", async () => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  try {
    expect(await portProblem("127.0.0.1", port, "PORT")).toBe(
      `port ${port} on 127.0.0.1 is taken by another program: stop that program, or set PORT`,
    );
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  expect(await portProblem("127.0.0.1", port, "PORT")).toBeUndefined();
});

test("a host that isn't this machine's is not taken for a taken port", async () => {
  for (const [host, code] of [
    ["203.0.113.7", "EADDRNOTAVAIL"],
    ["no-such-host.invalid", ""],
  ]) {
    expect(await portProblem(host as string, 3000, "PORT")).toMatch(
      new RegExp(`port 3000 on ${host} can't be used \\(E?${code}.*\\): .*set HOST to one$`),
    );
  }
  expect(await portProblem("203.0.113.7", 3444, "INGEST_TLS_PORT")).toMatch(/set INGEST_HOST to one$/);
});

test("a file that isn't there is named with the variable that named it", () => {
  expect(
    fileProblems({ TLS_CERT_FILE: "/no/such.pem", TLS_KEY_FILE: "/etc/hostname", X: undefined }),
  ).toEqual(["TLS_CERT_FILE=/no/such.pem: there is no such file"]);
});
