/**
 * What a flow met, in the words the product uses everywhere. The numbers are stored and sent: append only.
 */
export const VERDICTS = ["forwarded", "dropped", "would-drop", "unknown"] as const;
export type Verdict = (typeof VERDICTS)[number];
export const VERDICT_NUMBER: Record<Verdict, number> = {
  forwarded: 0,
  dropped: 1,
  "would-drop": 2,
  unknown: 3,
};
export const verdictOf = (n: number): Verdict => VERDICTS[n] ?? "unknown";
export const VERDICT_TITLE: Record<Verdict, string> = {
  forwarded: "forwarded",
  dropped: "dropped",
  "would-drop": "would drop",
  unknown: "unknown",
};
/** Meaning never by colour alone. */
export const VERDICT_GLYPH: Record<Verdict, string> = {
  forwarded: "→",
  dropped: "✕",
  "would-drop": "◐",
  unknown: "?",
};

/** The drop reason, as flows bear it, of what a policy dropped; a flow that policies let pass may be dropped for another. */
export const POLICY_DROP = "MILLRACE_POLICY";

/**
 * Where Millrace's dataplane sends a flow's packets: none is nowhere, since they are dropped or something else carries
 * them. The numbers are stored and sent: append only.
 */
export const WAYS = ["none", "local", "direct", "overlay", "host", "masquerade"] as const;
export type Way = (typeof WAYS)[number];
export const WAY_NUMBER = Object.fromEntries(WAYS.map((way, n) => [way, n])) as Record<Way, number>;

/** Which path tier carried a flow: the one that carried most of its packets; half and half is slow. */
export const PATH_TIERS = ["slow", "fast"] as const;
export type PathTier = (typeof PATH_TIERS)[number];
export const PATH_TIER_TITLE: Record<PathTier, string> = { slow: "slow path", fast: "fast path" };
export const PATH_TIER_GLYPH: Record<PathTier, string> = { slow: "›", fast: "»" };
/** Packets by the path tier that carried them. */
export type TierCounts = { slow: number; fast: number };
export const pathTierOf = ({ slow, fast }: TierCounts): PathTier => (slow < fast ? "fast" : "slow");

/** Which end of the flow reported it. */
export const OBSERVERS = ["source", "destination", "unknown"] as const;
export type Observer = (typeof OBSERVERS)[number];

export const TCP_STATES = ["none", "opening", "established", "closing", "closed", "reset"] as const;
export type TcpState = (typeof TCP_STATES)[number];

export const PROTOCOLS: Record<number, string> = {
  1: "ICMP",
  6: "TCP",
  17: "UDP",
  58: "ICMPv6",
  132: "SCTP",
};
export const protocolName = (proto: number): string => PROTOCOLS[proto] ?? `proto ${proto}`;
export function protocolNumber(name: string): number | undefined {
  const wanted = name.toLowerCase();
  const known = Object.entries(PROTOCOLS).find(([, title]) => title.toLowerCase() === wanted);
  if (known) return Number(known[0]);
  return /^\d{1,3}$/.test(name) && Number(name) < 256 ? Number(name) : undefined;
}
