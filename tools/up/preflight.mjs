// What this machine must be before anything is installed, built or started. Each complaint is one line
// that says what is wrong and what to do. It changes nothing.
import { existsSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { root } from "../paths.mjs";
import { nodeProblem } from "./node-version.mjs";

/** @typedef {{ nodeVersion: string, platform: string, arch: string, root: boolean, btf: boolean, freeBytes: number }} Machine */

const wantedBytes = 3 * 2 ** 30;

/** @returns {Machine} */
export function thisMachine() {
  const disk = statfsSync(root);
  return {
    nodeVersion: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    root: process.getuid?.() === 0,
    btf: existsSync("/sys/kernel/btf/vmlinux"),
    freeBytes: disk.bavail * disk.bsize,
  };
}

/** @param {Machine} machine @param {{ observes: boolean, built: boolean }} plan */
export function machineProblems(machine, plan) {
  const problems = [];
  const tooOld = nodeProblem(machine.nodeVersion);
  if (tooOld) problems.push(tooOld);
  if (machine.platform !== "linux") {
    problems.push(`${machine.platform} has no eBPF that Millrace knows: it runs on Linux`);
  }
  if (!["x64", "arm64"].includes(machine.arch)) {
    problems.push(`no embedded PostgreSQL for ${machine.arch}: Millrace runs on x64 and arm64`);
  }
  const wanted = plan.built ? wantedBytes / 10 : wantedBytes;
  if (machine.freeBytes < wanted) {
    problems.push(
      `${gibibytes(machine.freeBytes)} free on ${root}: at least ${gibibytes(wanted)} are needed`,
    );
  }
  if (plan.observes && !machine.root) {
    problems.push(
      "not root: loading eBPF programs and making the lab's namespaces needs root (sudo npm start)",
    );
  }
  if (plan.observes && !machine.btf) {
    problems.push("no /sys/kernel/btf/vmlinux: the kernel must be built with CONFIG_DEBUG_INFO_BTF=y");
  }
  return problems;
}

/** @param {Record<string, string | undefined>} files by the variable that names each */
export const fileProblems = (files) =>
  Object.entries(files)
    .filter(([, file]) => file !== undefined && !existsSync(file))
    .map(([variable, file]) => `${variable}=${file}: there is no such file`);

const gibibytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** @param {string} host @param {number} port @returns {Promise<string | undefined>} the problem */
export function portProblem(host, port, variable) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      resolve(`port ${port} on ${host} ${portTrouble(error.code, variable)}`);
    });
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}

/** @param {string | undefined} code @param {string} variable names the port */
function portTrouble(code, variable) {
  if (code === "EADDRINUSE") return `is taken by another program: stop that program, or set ${variable}`;
  if (code === "EACCES") return `is for root only: set ${variable} to one from 1024`;
  const hostVariable = variable === "INGEST_TLS_PORT" ? "INGEST_HOST" : "HOST";
  return `can't be used (${code}): that is no address of this machine; set ${hostVariable} to one`;
}

/** A free port of the kernel's choice on loopback.
 * @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}
