/**
 * What the control plane leased to this host, kept so that pods can be attached while it is away: a lease of blocks has
 * no end but a person's.
 */
import fs from "node:fs";
import path from "node:path";
import { Labels } from "@millrace/contract/identity";
import { LeaseOutput } from "@millrace/contract/network";
import { z } from "zod";

export const LeaseState = z.object({
  pools: LeaseOutput.shape.pools,
  blocks: LeaseOutput.shape.blocks,
  /** Of the last publication. */
  generation: z.int().nonnegative(),
  /** By attachment, as far as they are known. */
  identities: z.record(z.string(), z.int()),
  /** Likewise, as they were published last. */
  labels: z.record(z.string(), Labels).default({}),
});
export type LeaseState = z.infer<typeof LeaseState>;
const NOTHING: LeaseState = { pools: [], blocks: [], generation: 0, identities: {}, labels: {} };

export class LeaseFile {
  readonly #file: string;
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, "network.json");
  }
  read(): LeaseState {
    try {
      return LeaseState.parse(JSON.parse(fs.readFileSync(this.#file, "utf8")));
    } catch {
      return NOTHING; // asked for anew
    }
  }
  write(state: LeaseState): void {
    const draft = `${this.#file}.new`;
    const fd = fs.openSync(draft, "w", 0o600);
    try {
      fs.writeSync(fd, JSON.stringify(state));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(draft, this.#file);
  }
}
