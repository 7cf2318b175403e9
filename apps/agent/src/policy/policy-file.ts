/**
 * The policies that hold here and whom they speak of, as they were last told, so that an agent that starts anew judges
 * by them, also when nobody can be asked. Not fsynced: what the kernel judges by survives, and the rest is asked for again.
 */
import fs from "node:fs";
import path from "node:path";
import { Policy, PolicyIdentity } from "@millrace/contract/policy";
import { z } from "zod";

export const PolicyState = z.object({
  revision: z.int().nonnegative(),
  policies: z.array(Policy),
  /** Identities of this host's endpoints, for which the policies were asked. */
  subjects: z.array(PolicyIdentity),
  /** Those that they meet. */
  peers: z.array(PolicyIdentity),
});
export type PolicyState = z.infer<typeof PolicyState>;

export class PolicyFile {
  readonly #file: string;
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, "policies.json");
  }
  /** Undefined when nobody has told anything yet. */
  read(): PolicyState | undefined {
    try {
      return PolicyState.parse(JSON.parse(fs.readFileSync(this.#file, "utf8")));
    } catch {
      return undefined; // asked for anew
    }
  }
  write(state: PolicyState): void {
    const draft = `${this.#file}.new`;
    fs.writeFileSync(draft, JSON.stringify(state), { mode: 0o600 });
    fs.renameSync(draft, this.#file);
  }
}
