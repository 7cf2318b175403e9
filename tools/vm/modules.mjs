// A kernel's modules and what each needs, by its own word (the `depends` of its .modinfo): depmod's table comes with an
// installation, and nothing is installed here.
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { run } from "../command.mjs";

/** The same module is virtio-net in one place and virtio_net in another. */
const plain = (name) => name.replaceAll("-", "_");

/** @param {Buffer} module uncompressed @returns {string[]} names of others */
export function needsOf(module) {
  const key = Buffer.from("\0depends=");
  const at = module.indexOf(key);
  if (at < 0) return [];
  const from = at + key.length;
  const text = module.toString("latin1", from, module.indexOf(0, from));
  return text.split(",").filter(Boolean).map(plain);
}

/** Copies these and what they need into the folder; what isn't among the modules is taken for built in.
 *  @param {import("./kernel.mjs").Kernel} kernel @param {string[]} wanted @param {string} folder
 *  @returns {Promise<string[]>} file names, in the order they need each other */
export async function copyModules(kernel, wanted, folder) {
  const places = new Map();
  for (const file of readdirSync(kernel.modules, { recursive: true, encoding: "utf8" })) {
    const match = /([^/]+)\.ko(\.xz)?$/.exec(file);
    if (match?.[1]) places.set(plain(match[1]), file);
  }
  const copied = new Set();
  /** @param {string} name */
  const copy = async (name) => {
    const place = places.get(name);
    const file = `${name}.ko`;
    if (place === undefined || copied.has(file)) return;
    const to = path.join(folder, file);
    const packed = place.endsWith(".xz");
    copyFileSync(path.join(kernel.modules, place), packed ? `${to}.xz` : to);
    if (packed) {
      const { code, output } = await run("xz", ["-d", `${to}.xz`]);
      if (code !== 0) throw new Error(`${place} can't be unpacked: ${output}`);
    }
    for (const needed of needsOf(readFileSync(to))) await copy(needed);
    copied.add(file);
  };
  for (const name of wanted) await copy(plain(name));
  return [...copied];
}
