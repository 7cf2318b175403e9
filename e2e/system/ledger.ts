/**
 * What Postgres says of one pod, as one balance: the endpoint's totals, its flows, and the interface's own
 * counters, per direction. Conservation holds when they agree to the packet and the byte.
 */
import type { Stack } from "./stack.ts";

export type Sum = { packets: bigint; bytes: bigint };
export type Balance = {
  direction: "egress" | "ingress";
  device: Sum;
  total: Sum;
  flows: Sum;
  notIp: Sum;
  truncated: Sum;
  tableFull: Sum;
  flowRetired: Sum;
  otherHost: Sum;
  spoofed: Sum;
  overBudget: Sum;
};

/** Index of (class, unit) in the stored arrays: classes × packets, segments, bytes (prisma: EndpointUpdate). */
const CLASSES = [
  "total",
  "notIp",
  "truncated",
  "tableFull",
  "flowRetired",
  "otherHost",
  "spoofed",
  "overBudget",
] as const;

const classSums = (column: string): string =>
  CLASSES.flatMap((name, i) => [
    `coalesce(sum(${column}[${i * 3 + 1}]), 0)::text as "${name}Packets"`,
    `coalesce(sum(${column}[${i * 3 + 3}]), 0)::text as "${name}Bytes"`,
  ]).join(", ");

/** The balances of a pod's interface over all of the database's time. */
export async function balances(stack: Stack, podAddress: string): Promise<Balance[]> {
  const [endpoint] = await stack.query<{ id: number }>(
    "select id from endpoints where $1 = any(addresses) order by id desc limit 1",
    [podAddress],
  );
  if (!endpoint) throw new Error(`no endpoint has the address ${podAddress}`);
  const out: Balance[] = [];
  for (const direction of ["egress", "ingress"] as const) {
    const device = direction === "egress" ? "tx" : "rx";
    const [sums] = await stack.query<Record<string, string>>(
      `select ${classSums(direction)}, coalesce(sum(device_${device}_packets), 0)::text as "devicePackets",
         coalesce(sum(device_${device}_bytes), 0)::text as "deviceBytes"
       from endpoint_updates where endpoint_id = $1`,
      [endpoint.id],
    );
    // observer 0: the endpoint is the source, so forward is its egress; 1: it is the destination.
    const [mine, other] = direction === "egress" ? ["fwd", "rev"] : ["rev", "fwd"];
    const [flows] = await stack.query<{ packets: string; bytes: string }>(
      `select coalesce(sum(case observer when 0 then ${mine}_packets else ${other}_packets end), 0)::text as packets,
         coalesce(sum(case observer when 0 then ${mine}_bytes else ${other}_bytes end), 0)::text as bytes
       from flow_updates where endpoint_id = $1`,
      [endpoint.id],
    );
    const of = (name: string): Sum => ({
      packets: BigInt(sums?.[`${name}Packets`] ?? 0),
      bytes: BigInt(sums?.[`${name}Bytes`] ?? 0),
    });
    out.push({
      direction,
      device: of("device"),
      total: of("total"),
      flows: { packets: BigInt(flows?.packets ?? 0), bytes: BigInt(flows?.bytes ?? 0) },
      notIp: of("notIp"),
      truncated: of("truncated"),
      tableFull: of("tableFull"),
      flowRetired: of("flowRetired"),
      otherHost: of("otherHost"),
      spoofed: of("spoofed"),
      overBudget: of("overBudget"),
    });
  }
  return out;
}

const plus = (...sums: Sum[]): Sum => ({
  packets: sums.reduce((all, s) => all + s.packets, 0n),
  bytes: sums.reduce((all, s) => all + s.bytes, 0n),
});

/** What the flows and the classes beside them add up to: must equal `total`. */
export const accounted = (b: Balance): Sum =>
  plus(b.flows, b.notIp, b.truncated, b.tableFull, b.flowRetired, b.otherHost, b.spoofed, b.overBudget);

export const same = (a: Sum, b: Sum): boolean => a.packets === b.packets && a.bytes === b.bytes;
