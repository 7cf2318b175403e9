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
