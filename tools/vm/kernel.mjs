// Another kernel for the verifier's check: Debian's package, unpacked below .data/vm and kept there. It is
// not installed: nothing of this machine changes.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { run } from "../command.mjs";
import { at } from "../paths.mjs";

/** @typedef {{ release: string, image: string, modules: string }} Kernel */

/** @param {string} names apt's list of packages @param {string} series such as 6.12 @returns {string | undefined} */
export function newestPackage(names, series) {
  const pattern = new RegExp(`^linux-image-${series.replace(".", "\\.")}\\.[^ ]*-amd64-unsigned$`);
  const found = names.split("\n").map((line) => line.split(" ")[0] ?? "");
  return found
    .filter((name) => pattern.test(name) && !/-(cloud|rt)-/.test(name))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1);
}

async function must(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output.trimEnd()}`);
  return output;
}

/** @param {string} series @returns {Promise<Kernel>} */
export async function fetchKernel(series) {
  const known = async () =>
    newestPackage(await must("apt-cache", ["search", "--names-only", "^linux-image-"]), series);
  let name = await known();
  if (!name) {
    await must("apt-get", ["update"]); // a machine that never did knows the release's own kernel at most
    name = await known();
  }
  if (!name) throw new Error(`apt knows no linux-image-${series}.*-amd64-unsigned`);
  const folder = at(".data/vm", name);
  if (!existsSync(folder)) await unpack(name, folder);
  const [release] = readdirSync(path.join(folder, "lib/modules"));
  return {
    release,
    image: path.join(folder, `boot/vmlinuz-${release}`),
    modules: path.join(folder, "lib/modules", release, "kernel"),
  };
}

/** Beside its place and then renamed, so that half of a kernel is never taken for one. */
async function unpack(name, folder) {
  const beside = `${folder}.new`;
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  await must("apt-get", ["download", "-q", name], { cwd: beside });
  const [file] = readdirSync(beside);
  await must("dpkg-deb", ["-x", path.join(beside, file), beside]);
  rmSync(path.join(beside, file));
  renameSync(beside, folder);
}
