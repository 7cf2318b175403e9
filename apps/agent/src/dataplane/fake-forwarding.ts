/** Keeps what it is told, and hands packets up when a test says so. Imported by tests only. */
import type { Forwarding, ForwardingTables, PuntDevice } from "./dataplane.ts";

export class FakeForwarding implements Forwarding {
  uplink: number | undefined;
  tables: ForwardingTables | undefined;
  /** What the agent does with packets of unknown way. */
  punt: ((batch: Uint8Array) => void) | undefined;
  readonly putBack: Uint8Array[] = [];

  takeUplink(at: { ifindex: number } | undefined): void {
    this.uplink = at?.ifindex;
  }
  openPunt(onPackets: (batch: Uint8Array) => void): PuntDevice {
    this.punt = onPackets;
    const write = (packet: Uint8Array) => this.putBack.push(packet) > 0;
    return { ifindex: 99, write, close: async () => {} };
  }
  setTables(tables: ForwardingTables): void {
    this.tables = tables;
  }
  /** What a sweep finds. */
  translations = { found: 0, removed: 0 };
  sweepTranslations(): { found: number; removed: number } {
    return this.translations;
  }
}
