/** Which hosts are told on a channel of the bus. Test material. */
import { expect, vi } from "vitest";
import { bus, type HostChannel } from "../bus.ts";
import { pool } from "../db.ts";

/** Call once the database is there; the function answers who was told since its last call, by name, sorted. */
export function heardHosts(
  channel: HostChannel,
  names: () => ReadonlyMap<number, string>,
): () => Promise<string[]> {
  let told: string[] = [];
  bus().listen(channel, (payload) => payload !== null && told.push(payload));
  return async () => {
    // A notification sent now is heard after all that were sent before.
    const marker = crypto.randomUUID();
    await vi.waitFor(
      async () => {
        await pool().query("select pg_notify($1, $2)", [channel, marker]);
        expect(told).toContain(marker);
      },
      { timeout: 20_000, interval: 5 },
    );
    const before = told.slice(0, told.indexOf(marker)).filter((payload) => !payload.includes("-"));
    told = [];
    const ids = new Set(before.flatMap((payload) => payload.split(",")));
    return [...ids].map((id) => names().get(Number(id)) ?? id).sort();
  };
}
