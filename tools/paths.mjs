// Where things are in the repository. Imported before node_modules exists, so it knows Node's own
// modules only. It decides nothing and creates nothing.
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "..");

/** An absolute path from one that is relative to the repository.
 * @param {string[]} parts */
export const at = (...parts) => path.join(root, ...parts);

/** An executable that an npm package brought.
 * @param {string} name */
export const bin = (name) => at("node_modules/.bin", name);
