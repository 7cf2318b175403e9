// The Debian packages that building, the lab and the tests need, with what proves each is there. On
// Debian and Ubuntu, as root, what is missing is installed; elsewhere it is named. Nothing is removed, and no
// service that comes with a package is started.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { run } from "../command.mjs";

/** @typedef {"build" | "lab" | "tests"} Purpose
 *  @typedef {{ name: string, for: Purpose, proof: string }} SystemPackage */

/** A proof with a slash is a file (`*` is any one name), one without is a program on the path.
 *  @type {readonly SystemPackage[]} */
export const systemPackages = [
  { name: "g++", for: "build", proof: "g++" },
  { name: "make", for: "build", proof: "make" },
  { name: "clang-19", for: "build", proof: "clang-19" },
  { name: "llvm-19", for: "build", proof: "llvm-strip-19" },
  { name: "libbpf-dev", for: "build", proof: "/usr/include/bpf/libbpf.h" },
  { name: "libelf-dev", for: "build", proof: "/usr/include/libelf.h" },
  { name: "zlib1g-dev", for: "build", proof: "/usr/include/zlib.h" },
  { name: "libmnl-dev", for: "build", proof: "/usr/include/libmnl/libmnl.h" },
  { name: "nlohmann-json3-dev", for: "build", proof: "/usr/include/nlohmann/json.hpp" },
  { name: "bpftool", for: "build", proof: "bpftool" },
  { name: "iproute2", for: "build", proof: "ip" },
  { name: "ethtool", for: "build", proof: "ethtool" },
  { name: "util-linux", for: "build", proof: "setpriv" },
  { name: "runc", for: "lab", proof: "runc" },
  { name: "nftables", for: "lab", proof: "nft" },
  { name: "redis-server", for: "lab", proof: "redis-server" },
  { name: "iputils-ping", for: "lab", proof: "ping" },
  { name: "chromium", for: "tests", proof: "/usr/bin/chromium" },
  { name: "tcpdump", for: "tests", proof: "tcpdump" },
  { name: "iperf3", for: "tests", proof: "iperf3" },
  { name: "conntrack", for: "tests", proof: "conntrack" },
  { name: "qemu-system-x86", for: "tests", proof: "qemu-system-x86_64" },
  { name: "cpio", for: "tests", proof: "cpio" },
  { name: "xz-utils", for: "tests", proof: "xz" },
  { name: "busybox-static", for: "tests", proof: "/var/lib/dpkg/info/busybox-static.list" },
  { name: "podman", for: "tests", proof: "podman" },
  { name: "netavark", for: "tests", proof: "/usr/lib/podman/netavark" },
  { name: "docker.io", for: "tests", proof: "dockerd" },
  { name: "containerd", for: "tests", proof: "containerd" },
  { name: "containernetworking-plugins", for: "tests", proof: "/usr/lib/cni/bridge" },
  { name: "iptables", for: "tests", proof: "iptables" },
  { name: "openssl", for: "tests", proof: "openssl" },
  { name: "python3", for: "tests", proof: "/usr/bin/python3" },
];

const programFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** @param {string} proof */
export function isPresent(proof) {
  const candidates = proof.includes("/") ? [proof] : programFolders.map((folder) => `${folder}/${proof}`);
  return candidates.some((file) => existsSync(file));
}

/** @param {Purpose[]} purposes @param {(proof: string) => boolean} [present] */
export function missingPackages(purposes, present = isPresent) {
  return systemPackages.filter((entry) => purposes.includes(entry.for) && !present(entry.proof));
}

/** Debian and what is made from it says so in os-release. @param {string} osRelease */
export const hasApt = (osRelease) => /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(osRelease);

const mayInstall = () =>
  process.getuid?.() === 0 &&
  existsSync("/usr/bin/apt-get") &&
  hasApt(readFileSync("/etc/os-release", "utf8"));

/** The line for a machine where nothing may be installed. */
export const installHint = (names) =>
  `missing ${names.join(", ")}; install: apt-get install ${names.join(" ")}`;

/** @param {Purpose[]} purposes @returns {Promise<string>} what was done, for the progress line */
export async function ensurePackages(purposes) {
  if (isOurs(policy) && mayInstall()) rmSync(policy, { force: true });
  const names = missingPackages(purposes).map((entry) => entry.name);
  if (names.length === 0) return "all there";
  if (!mayInstall()) throw new Error(installHint(names));
  const never = existsSync("/var/lib/apt/lists") && readdirSync("/var/lib/apt/lists").length < 3;
  if (never) await apt(["update"]);
  const install = () => withServicesAtRest(() => apt(["install", "-y", "--no-install-recommends", ...names]));
  try {
    await install();
  } catch (error) {
    if (never) throw error;
    await apt(["update"]); // the lists may be older than what the mirror still has
    await install();
  }
  const still = missingPackages(purposes).map((entry) => `${entry.name} (no ${entry.proof})`);
  if (still.length) throw new Error(`apt-get installed, yet still missing: ${still.join(", ")}`);
  return `installed ${names.join(" ")}`;
}

const policy = "/usr/sbin/policy-rc.d";
const ourPolicy =
  "#!/bin/sh\n# Millrace is installing packages; it removes this file afterwards.\nexit 101\n";

const isOurs = (file) => existsSync(file) && readFileSync(file, "utf8") === ourPolicy;

/** Debian starts a package's service at once unless this file forbids it: a Docker daemon would change the
 *  machine's firewall for the sake of a test. One that a killed run of ours left is ours to remove.
 *  @param {() => Promise<void>} work @param {string} [file] */
export async function withServicesAtRest(work, file = policy) {
  if (existsSync(file) && !isOurs(file)) return await work();
  writeFileSync(file, ourPolicy, { mode: 0o755 });
  try {
    await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Not cut off by Ctrl-C: a half-configured package would be left to the user. After a power cut it is put right.
 *  @param {string[]} args @param {typeof run} [runner] */
export async function apt(args, runner = run) {
  const quiet = ["-q", "-o", "DPkg::Lock::Timeout=120"];
  const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  const work = (command, words) => runner(command, words, { env, toItsEnd: true });
  let { code, output } = await work("apt-get", [...quiet, ...args]);
  if (code !== 0 && output.includes("dpkg --configure -a")) {
    await work("dpkg", ["--configure", "-a"]);
    ({ code, output } = await work("apt-get", [...quiet, ...args]));
  }
  if (code !== 0) throw new Error(`apt-get ${args.join(" ")} failed:\n${lastLines(output, 15)}`);
}

const lastLines = (text, count) => text.trimEnd().split("\n").slice(-count).join("\n");
