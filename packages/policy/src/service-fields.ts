/** The fields that Service and EndpointSlice have in common. The kinds are files of their own. */
import { type Address, addressText, parseAddress } from "@millrace/contract/prefix";
import { WEIGHTS } from "@millrace/contract/service";
import { z } from "zod";

export const only = <const T extends string>(values: readonly T[], why: string) =>
  z.enum(values, { error: `${why}: ${values.join(" or ")}` });
export const refused = (why: string) => z.undefined({ error: why }).optional();
export const Ignored = z.unknown().optional();

export const Port = z.int().min(1).max(65_535);
export const ProtocolName = z.enum(["TCP", "UDP", "SCTP"]).default("TCP");
export const ServicePortName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be at most 63 small letters, digits and hyphens");
export const FamilyName = z.enum(["IPv4", "IPv6"]);

export const AnyAddress = z.string().superRefine((text, ctx) => {
  const problem = addressProblem(text);
  if (problem) ctx.addIssue({ code: "custom", message: problem });
});
/** Where nothing can be sent to: backends and virtual addresses alike. */
function addressProblem(text: string): string | undefined {
  const address = parseAddress(text);
  if (!address) return `“${text}” is no IPv4 or IPv6 address`;
  const plain = addressText(address);
  const special =
    /^(0\.|127\.|169\.254\.|22[4-9]\.|2[3-5]\d\.|::1?$|::ffff:|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)/;
  return special.test(plain) ? `${plain} is loopback, link-local, multicast or reserved` : undefined;
}

export const plainAddress = (text: string): string => addressText(parseAddress(text) as Address);

/** Of a slice, for all its endpoints. Of a pod it is a label, since of pods labels are what is published. */
export const WEIGHT_KEY = "millrace.io/weight";
/** Of a pod's label too: what is no weight there counts as none. */
export function isWeight(text: string): boolean {
  const weight = Number(text);
  return /^[1-9]\d{0,3}$/.test(text) && weight >= WEIGHTS.least && weight <= WEIGHTS.most;
}
