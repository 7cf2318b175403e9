// Whether this Node is new enough, asked before anything else: imported first, it ends a process that isn't
// with one line. It imports nothing and uses nothing that an old Node lacks.

const wanted = [20, 19];

/** @param {string} version @returns {string | undefined} */
export function nodeProblem(version) {
  const [major, minor] = version.split(".").map(Number);
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return undefined;
  return `Node ${version} is too old: Millrace needs ${wanted.join(".")} or newer`;
}

const problem = nodeProblem(process.versions.node);
if (problem) {
  console.error(`millrace: ${problem}`);
  process.exit(1);
}
