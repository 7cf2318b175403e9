// Where things are in the repository. Imported before node_modules exists, so it knows Node's own
// modules only. It decides nothing and creates nothing.
import path from "node:path";
import { fileURLToPath } from "node:url";

// Not import.meta.dirname: a Node too old for it has to get as far as being told so.
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** An absolute path from one that is relative to the repository.
 * @param {string[]} parts */
export const at = (...parts) => path.join(root, ...parts);

/** An executable that an npm package brought.
 * @param {string} name */
export const bin = (name) => at("node_modules/.bin", name);
