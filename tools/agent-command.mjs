// How Node runs the agent: its program and the flags that keep it small. For whoever starts one: the
// supervisor, tests and benchmarks. A host's own service file should say the same (docs/operating.md).
import { at } from "./paths.mjs";

/** Short-lived objects get 2 MB instead of 16: at 10,000 flows a second that costs no more CPU, and 10 MB less. */
const flags = ["--max-semi-space-size=2"];

/** The first words of an agent's command line, after Node itself. */
export const agentCommand = ["--enable-source-maps", ...flags, at("apps/agent/build/main.js")];
