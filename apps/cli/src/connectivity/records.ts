/** What the control plane recorded of a run's attempts: asked again until it answers for each of them, or its time is over. */
import type { FlowRow } from "@millrace/contract/flow";
import { Milliseconds } from "@millrace/contract/ids";
import type { Client } from "../client.ts";
import { isDecided, type Rules, type Tried } from "./judge.ts";

const PAGE = 1000;
const EVERY_MS = 500;
const DEADLINE_MS = 20_000;
/** Clocks of hosts differ by no more, or their flows wouldn't be found anyway. */
const SLACK_MS = 30_000;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** In the order of `tried`; undefined where nothing was recorded in time. `addresses`: the test's own pods'. */
export async function recordsOf(
  client: Client,
  tried: readonly Tried[],
  rules: Rules,
  run: { addresses: readonly string[]; sinceMs: number },
): Promise<(FlowRow | undefined)[]> {
  for (const endMs = Date.now() + DEADLINE_MS; ; ) {
    const rows = await flowsOf(client, run);
    const found = tried.map((one) => rows.find((row) => isOf(row, one)));
    if (tried.every((one, i) => isDecided(one, found[i], rules)) || Date.now() > endMs) return found;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

async function flowsOf(client: Client, run: { addresses: readonly string[]; sinceMs: number }) {
  const range = {
    from: Milliseconds.parse(run.sinceMs - SLACK_MS),
    to: Milliseconds.parse(Date.now() + SLACK_MS),
  };
  const rows: FlowRow[] = [];
  const filter = `ip=${run.addresses.join(",")}`;
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<typeof client.flows.search.query>> = await client.flows.search.query({
      ...{ range, filter, cursor, limit: PAGE },
    });
    rows.push(...page.rows);
    cursor = page.nextCursor;
    if (!cursor) return rows;
  }
}

/** Of a service the row has the backend at its far end, and beside it what was asked for. */
export function isOf(row: FlowRow, { case: { transport, address, port }, answer, source }: Tried): boolean {
  const isTo = (at: { ip: string; port: number } | null) => at?.ip === address && at.port === port;
  return (
    row.proto === PROTOCOLS[transport] &&
    row.src.port === answer.sourcePort &&
    (source === undefined || row.src.ip === source) &&
    (isTo(row.dst) || isTo(row.asked))
  );
}
