/*
 * What a ring buffer has delivered so far, as records. Reading is asynchronous: look with `eventually`.
 */
import { type BpfMap, RingReader } from "@millrace/native/native";
import { viewOf } from "./observer.ts";

export class RingRecords implements Disposable {
  readonly records: DataView[] = [];
  readonly #reader: RingReader;

  constructor(map: BpfMap) {
    this.#reader = new RingReader(map, (batch) => this.#take(batch), { tickMs: 5 });
  }

  #take(batch: Uint8Array): void {
    const view = viewOf(batch);
    for (let at = 0; at < batch.length; ) {
      const length = view.getUint32(at, true);
      this.records.push(viewOf(batch.slice(at + 8, at + 8 + length)));
      at += 8 + Math.ceil(length / 8) * 8;
    }
  }

  [Symbol.dispose](): void {
    void this.#reader.close();
  }
}
