/**
 * The root file system all containers share: almost empty, with this machine's own programs mounted into it
 * read-only, so that a lab needs no image and no download. The mounts happen in each container's own mount
 * namespace; on the machine nothing is mounted.
 */
import { existsSync } from "node:fs";
import { lstat, mkdir, readlink, realpath, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { NODE_IN_CONTAINER, SHOP_IN_CONTAINER } from "./shop.ts";
import { LabError } from "./subprocess.ts";

export type Mount = { destination: string; type: string; source: string; options: readonly string[] };

/** On Debian these are links into /usr; where they are directories, they are mounted. */
const PROGRAM_DIRECTORIES = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const OPTIONAL_FILES = ["/etc/alternatives", "/etc/ld.so.cache"];
const MOUNT_POINTS = ["proc", "dev", "sys", "tmp", "run", "usr", "etc", "opt", "root"];

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
  "etc/group": "root:x:0:\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
  "etc/hosts": "",
};

export const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: "bind",
  source,
  options: ["rbind", "nosuid", "nodev", ...(options.length > 0 ? options : ["ro"])],
});

/** The shop's programs lie beside the sources; found upwards, from the sources and from a bundle alike. */
export function shopDirectory(from: string = import.meta.dirname): string {
  for (let at = from; ; at = path.dirname(at)) {
    const candidate = path.join(at, "packages/lab/shop");
    if (existsSync(path.join(candidate, "main.mjs"))) return candidate;
    if (at === path.dirname(at)) throw new LabError(`no packages/lab/shop/main.mjs above ${from}`);
  }
}

/** Makes the directory and returns what every container mounts into it. Repeatable. */
export async function makeRootfs(rootfs: string): Promise<Mount[]> {
  for (const point of MOUNT_POINTS) await mkdir(path.join(rootfs, point), { recursive: true });
  for (const [name, text] of Object.entries(FILES)) await writeFile(path.join(rootfs, name), text);
  const mounts = [bind("/usr", "/usr")];
  for (const directory of PROGRAM_DIRECTORIES) {
    if (!existsSync(directory)) continue;
    const link = path.join(rootfs, directory);
    if ((await lstat(directory)).isSymbolicLink()) {
      if (!existsSync(link)) await symlink(await readlink(directory), link);
    } else {
      mounts.push(bind(directory, directory));
    }
  }
  for (const file of OPTIONAL_FILES) if (existsSync(file)) mounts.push(bind(file, file));
  mounts.push(bind(await realpath(process.execPath), NODE_IN_CONTAINER));
  mounts.push(bind(shopDirectory(), SHOP_IN_CONTAINER));
  return mounts;
}
