/**
 * Batches that the server refuses for good, kept aside with the reason, so that a mistake of the server's costs
 * no data that somebody could still read. Bounded: the oldest go. Nothing is sent from here, and what is kept
 * counts as lost all the same.
 */
import fs from "node:fs";
import path from "node:path";
import type { PendingBatch } from "./recover.ts";

const LIMIT_BYTES = 32 << 20;
const KEPT = /\.batch$/;

export class Quarantine {
  readonly #directory: string;
  readonly #limitBytes: number;

  constructor(directory: string, limitBytes = LIMIT_BYTES) {
    this.#directory = directory;
    this.#limitBytes = limitBytes;
  }

  /** The batch as it would have been sent, and beside it what it is and why it was refused. Throws when it can't. */
  keep(batch: PendingBatch, payload: Uint8Array, reason: string): void {
    fs.mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const name = `${String(batch.atMs).padStart(15, "0")}-${batch.incarnation}-${batch.sequence}`;
    const { incarnation, sequence, atMs, flowRows, compressed } = batch;
    const about = { incarnation, sequence, atMs, flowRows, compressed, reason };
    fs.writeFileSync(path.join(this.#directory, `${name}.json`), `${JSON.stringify(about)}\n`, {
      mode: 0o600,
    });
    fs.writeFileSync(path.join(this.#directory, `${name}.batch`), payload, { mode: 0o600 });
    this.#makeRoom();
  }

  #makeRoom(): void {
    const kept = fs
      .readdirSync(this.#directory)
      .filter((name) => KEPT.test(name))
      .sort()
      .map((name) => path.join(this.#directory, name));
    let bytes = kept.reduce((sum, file) => sum + fs.statSync(file).size, 0);
    for (const file of kept.slice(0, -1)) {
      if (bytes <= this.#limitBytes) return;
      bytes -= fs.statSync(file).size;
      fs.rmSync(file);
      fs.rmSync(file.replace(KEPT, ".json"), { force: true });
    }
  }
}
