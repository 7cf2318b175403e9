// How Node runs the agent: its program and the flags that keep it small. For whoever starts one: the
// supervisor, tests and benchmarks. The command that enrols another host says the same (token/enrol.ts).
import { at } from "./paths.mjs";

/**
 * Short-lived objects get 2 MB instead of 16: at 10,000 flows a second that costs no more CPU, and 10 MB less.
 * V8 gets one thread beside ours instead of four: each keeps 2 to 4 MB of what it compiled with.
 */
const flags = ["--max-semi-space-size=2", "--v8-pool-size=1"];

/** The first words of an agent's command line, after Node itself. */
export const agentCommand = ["--enable-source-maps", ...flags, at("apps/agent/build/main.js")];
