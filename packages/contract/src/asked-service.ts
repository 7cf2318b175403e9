/** A flow's service before and after translation, in text. What a flow is stands in flow.ts. */
import type { AskedService, FlowRow } from "./flow.ts";

type Place = { ip: string; port: number };
const placeText = ({ ip, port }: Place): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

/** `shop/payments`; null where nobody knew whose the address was. */
export const askedName = ({ namespace, name }: AskedService): string | null =>
  name === null ? null : `${namespace}/${name}`;

/** `10.96.0.10:80 (shop/payments)`, or the address alone. */
export function askedText(asked: AskedService): string {
  const name = askedName(asked);
  return name === null ? placeText(asked) : `${placeText(asked)} (${name})`;
}

/** Where it came out: a flow translated packet by packet has the virtual address for its destination. */
export const backendText = ({ dst, tuples }: Pick<FlowRow, "dst" | "tuples">): string =>
  placeText(tuples.at(-1)?.dst ?? dst);
