// The command line of `npm start`, as data. It checks words, not the machine: that is preflight's.

/** @typedef {{ name: string, buildOnly: boolean, serve: boolean, lab: boolean, dataplane: boolean,
 *   help: boolean }} Options */

const flags = {
  "--no-lab": "observe this machine's own containers; start no demo hosts",
  "--observe":
    "the kernel's bridge wires the lab's pods and Millrace only watches; otherwise it carries their packets",
  "--build-only": "install and build, then stop",
  "--no-serve": "install, build and migrate the database, then stop",
  "--name": "run as another instance of that NAME, with its own data and lab (default: demo)",
  "--help": "this text",
};

const withValue = (flag) => (flag === "--name" ? "--name NAME" : flag);

export const usage = [
  "usage: npm start -- [options]",
  "",
  ...Object.entries(flags).map(([flag, text]) => `  ${withValue(flag).padEnd(14)} ${text}`),
  "",
  "environment: PORT (3000), INGEST_PORT (3001), HOST (127.0.0.1), DATABASE_URL (instead of the embedded",
  "PostgreSQL), MILLRACE_PG_PORT (54329)",
].join("\n");

/** Changes needed to turn one word into the other: insertions, removals, replacements. */
export function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(replaced, row[j] + 1, next[j - 1] + 1);
    }
    row = next;
  }
  return row[b.length];
}

/** @param {string} word @param {string[]} known */
export function closest(word, known) {
  const ranked = known.map((name) => ({ name, distance: editDistance(word, name) }));
  ranked.sort((one, other) => one.distance - other.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.name : undefined;
}

/** @param {string[]} argv @returns {{ ok: true, options: Options } | { ok: false, message: string }} */
export function parseArguments(argv) {
  const options = { name: "demo", buildOnly: false, serve: true, lab: true, dataplane: true, help: false };
  for (let i = 0; i < argv.length; i++) {
    const [flag, given] = argv[i].split(/=(.*)/s);
    if (flag === "-h" || flag === "--help") options.help = true;
    else if (flag === "--no-lab") Object.assign(options, { lab: false, dataplane: false });
    else if (flag === "--observe") options.dataplane = false;
    else if (flag === "--build-only") options.buildOnly = true;
    else if (flag === "--no-serve") options.serve = false;
    else if (flag === "--name") {
      const name = given ?? argv[++i] ?? "";
      if (!/^[a-z][a-z0-9]{0,7}$/.test(name)) {
        return { ok: false, message: `--name wants 1 to 8 lower-case letters and digits, not "${name}"` };
      }
      options.name = name;
    } else return { ok: false, message: unknown(flag) };
  }
  return { ok: true, options };
}

function unknown(flag) {
  const meant = closest(flag, Object.keys(flags));
  return `unknown option ${flag}${meant ? `; did you mean ${meant}?` : ""} (--help lists all)`;
}
