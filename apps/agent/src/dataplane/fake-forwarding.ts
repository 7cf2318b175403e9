/** Keeps what it is told, and hands packets up when a test says so. Imported by tests only. */
import type { Forwarding, ForwardingTables, PolicyTables, PuntDevice } from "./dataplane.ts";

export class FakeForwarding implements Forwarding {
  uplink: number | undefined;
  tables: ForwardingTables | undefined;
  /** What the agent does with packets of unknown way. */
  punt: ((batch: Uint8Array) => void) | undefined;
  readonly putBack: Uint8Array[] = [];
  judgedBy: PolicyTables | undefined;
  /** How often all of it was replaced. */
  policySets = 0;

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
  policy(): PolicyTables | undefined {
    return this.judgedBy;
  }
  setPolicy(tables: PolicyTables): void {
    this.policySets++;
    this.judgedBy = tables;
  }
  addPolicy(more: Pick<PolicyTables, "judgements" | "rulesets">): void {
    if (!this.judgedBy) throw new Error("there is no policy set to add to");
    const { judgements, rulesets } = this.judgedBy;
    this.judgedBy = {
      ...this.judgedBy,
      judgements: [...judgements, ...more.judgements],
      rulesets: [...rulesets, ...more.rulesets],
    };
  }
  /** What a sweep finds. */
  translations = { found: 0, removed: 0 };
  sweepTranslations(): { found: number; removed: number } {
    return this.translations;
  }
}
