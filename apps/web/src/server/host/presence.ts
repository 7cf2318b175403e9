/**
 * Is a host well, and how much of a time range rests on what hosts reported: pure, from facts that repo.ts
 * reads. Why a state isn't ok is said in sentences; how it looks is the dashboard's.
 */
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import type { Completeness } from "@millrace/contract/flow";
import { holderName } from "@millrace/contract/flow-table";
import type { HostState } from "@millrace/contract/host";
import { Milliseconds } from "@millrace/contract/ids";
import { count, percent, text } from "@millrace/contract/units";

export type HostFacts = {
  readonly name: string;
  readonly revokedAtMs: number | null;
  /** Why the agent and we don't understand each other. */
  readonly incompatible: string | null;
  readonly heartbeatAtMs: number | null;
  readonly heartbeat: Heartbeat | null;
  /** Lost in the last minutes. */
  readonly recentLosses: readonly { readonly what: string; readonly count: number }[];
};
export type Presence = { readonly state: HostState; readonly reasons: readonly string[] };

/** Three heartbeats of five seconds, and a minute. */
const LATE_MS = 15_000;
const SILENT_MS = 60_000;
const SPOOL_WARN = 0.5;
const SPOOL_BAD = 0.95;
const MAP_WARN = 0.8;
const MAP_BAD = 0.98;
const BUDGET_WARN = 0.8;
/** One pod's flood is no reason to call the host bad: the others go on. */
const BUDGET_SPENT = Number.POSITIVE_INFINITY;

type Finding = { readonly state: "warn" | "bad" | "unknown"; readonly reason: string };

export function presenceOf(host: HostFacts, nowMs: number): Presence {
  const found = findings(host, nowMs);
  const worst = (["bad", "unknown", "warn"] as const).find((s) => found.some((f) => f.state === s)) ?? "ok";
  return { state: worst, reasons: found.map((f) => f.reason) };
}

function findings(host: HostFacts, nowMs: number): Finding[] {
  if (host.revokedAtMs !== null) return [{ state: "bad", reason: "Its agent's credential was revoked." }];
  if (host.incompatible !== null)
    return [{ state: "bad", reason: `Agent and server are incompatible: ${host.incompatible}.` }];
  if (host.heartbeatAtMs === null)
    return [{ state: "unknown", reason: "Enrolled, but its agent never reported." }];
  const silentMs = nowMs - host.heartbeatAtMs;
  const heard = `Its agent was last heard ${text(count(Math.round(silentMs / 1000)))} seconds ago`;
  const silence: Finding[] =
    silentMs > SILENT_MS
      ? [{ state: "bad", reason: `${heard}; its containers' traffic goes on, unseen until it is back.` }]
      : silentMs > LATE_MS
        ? [{ state: "warn", reason: `${heard}; it reports every five.` }]
        : [];
  const losses = host.recentLosses.map(
    (loss): Finding => ({
      state: "warn",
      reason: `Lost in the last minutes: ${text(count(loss.count))} ${loss.what}.`,
    }),
  );
  return [...silence, ...losses, ...(host.heartbeat ? heartbeatFindings(host.heartbeat) : [])];
}

function heartbeatFindings({ spool, maps, pods, flowTable, network }: Heartbeat): Finding[] {
  const found: Finding[] = [];
  const full = (share: number, warn: number, bad: number, reason: string) => {
    if (share >= warn) found.push({ state: share >= bad ? "bad" : "warn", reason });
  };
  const spooled = spool.limitBytes > 0 ? spool.bytes / spool.limitBytes : 0;
  const batches = text(count(spool.batches));
  full(
    spooled,
    SPOOL_WARN,
    SPOOL_BAD,
    `Its spool is ${text(percent(spooled))} full: ${batches} batches wait to be sent.`,
  );
  for (const map of maps) {
    const fill = map.used !== null && map.capacity > 0 ? map.used / map.capacity : 0;
    full(fill, MAP_WARN, MAP_BAD, `Its table ${map.name} is ${text(percent(fill))} full.`);
  }
  for (const holder of flowTable?.holders ?? []) {
    const { budget } = flowTable as NonNullable<typeof flowTable>;
    const [held, most] = [text(count(holder.flows)), text(count(budget))];
    full(
      holder.flows / budget,
      BUDGET_WARN,
      BUDGET_SPENT,
      `${holderName(holder)} holds ${held} flows of the ${most} that one endpoint may: beyond them its flows aren't told apart.`,
    );
  }
  const failed = pods.filter((pod) => pod.state === "failed");
  const [first] = failed;
  if (first)
    found.push({
      state: "warn",
      reason: `${failed.length} of its pods can't be covered: ${first.pod ?? first.uid}: ${first.reason ?? "no reason given"}.`,
    });
  const [failing] = network?.backendsOut.some ?? [];
  if (network && failing) {
    const { service, backend, why } = failing;
    const [of, at] = [endText(service), endText(backend)];
    const more = network.backendsOut.count - 1;
    const others = more > 0 ? ` So it is with ${text(count(more))} more.` : "";
    found.push({ state: "warn", reason: `Backend ${at} of ${of} fails from here: ${why}.${others}` });
  }
  return found;
}

const endText = ({ address, port }: { address: string; port: number }): string =>
  `${address.includes(":") ? `[${address}]` : address}:${port}`;

/** What one host should have reported of a range, in slots of time, and what it did. */
export type Coverage = {
  readonly host: string;
  readonly expected: number;
  readonly answered: number;
  /** Whether the newest slot that could be there is. */
  readonly answeredLast: boolean;
  readonly lastHeardMs: number | null;
  readonly lost: readonly { readonly what: string; readonly count: number }[];
  /** Rows stored; asked for only where rows were lost. */
  readonly rows: number;
};

export function completenessOf(
  hosts: readonly Coverage[],
  unattributed: { packets: number; bytes: number },
): Completeness {
  const expected = hosts.filter((host) => host.expected > 0);
  const silent = expected.filter((host) => !host.answeredLast);
  const slots = expected.reduce((sum, host) => sum + host.expected, 0);
  const answered = expected.reduce((sum, host) => sum + host.answered * deliveredShare(host), 0);
  return {
    share: slots === 0 ? 1 : answered / slots,
    hostsExpected: expected.length,
    hostsAnswered: expected.length - silent.length,
    silentHosts: silent.map((host) => ({
      host: host.host,
      since: host.lastHeardMs === null ? null : Milliseconds.parse(Math.floor(host.lastHeardMs)),
    })),
    lost: hosts.flatMap((host) => host.lost.map((loss) => ({ ...loss, host: host.host }))),
    unattributed,
  };
}

/** Of the rows a host counted, the share that arrived. */
function deliveredShare(host: Coverage): number {
  const lost = host.lost.find((loss) => loss.what === "flow-updates")?.count ?? 0;
  return lost === 0 ? 1 : host.rows / (host.rows + lost);
}
