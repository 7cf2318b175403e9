/** Blocks of addresses less exceptions, as both languages have them: Kubernetes takes what Millrace's own form is strict about. */
import {
  contains,
  type Prefix,
  parseAddress,
  parseCidr,
  prefixOf,
  prefixText,
} from "@millrace/contract/prefix";
import { z } from "zod";
import { fields, kindOf } from "./reading.ts";

export const MOST_EXCEPTS = 64;

const prefixIn = (text: string): Prefix | undefined => {
  const cidr = parseCidr(text);
  return cidr && prefixOf(cidr.address, cidr.length);
};

function cidrProblem(text: string): string | undefined {
  if (prefixIn(text)) return undefined;
  const family = parseAddress(text)?.family;
  if (family) return `needs a length: ${text}/${family === 4 ? 32 : 128}`;
  return `${kindOf(text)} is no block of addresses such as 10.0.0.0/16 or fd00::/64`;
}

function strictProblem(text: string): string | undefined {
  const [cidr, prefix] = [parseCidr(text), prefixIn(text)];
  if (!cidr || !prefix || cidr.address.value === prefix.first) return undefined;
  return `${text} has bits set beyond its length; ${prefixText(prefix)} may be meant`;
}

const cidrField = (problemIn: (text: string) => string | undefined) =>
  z.string().check((ctx) => {
    const message = problemIn(ctx.value);
    if (message) ctx.issues.push({ code: "custom", message, input: ctx.value });
  });

/** Bits beyond a block's length are no matter: 10.0.0.1/8 is 10.0.0.0/8. */
export const LaxCidr = cidrField(cidrProblem);
export const StrictCidr = cidrField((text) => cidrProblem(text) ?? strictProblem(text));

export const blockFields = (cidr: typeof LaxCidr) => ({
  cidr,
  except: z.array(cidr).max(MOST_EXCEPTS).optional(),
});
type Block = { cidr?: string | undefined; except?: string[] | undefined };

/** For each exception that isn't strictly inside its block, its index and why. */
export function exceptProblems({ cidr = "", except = [] }: Block): { at: number; message: string }[] {
  const block = prefixIn(cidr);
  return except.flatMap((text, at) => {
    const one = prefixIn(text);
    if (!block || !one) return [];
    const inside = contains(block, { family: one.family, value: one.first }) && one.length >= block.length;
    if (!inside) return [{ at, message: `${text} isn't inside ${cidr}` }];
    return one.length === block.length ? [{ at, message: `${text} leaves nothing of ${cidr}` }] : [];
  });
}

export const IpBlock = fields(blockFields(LaxCidr)).check((ctx) => {
  for (const { at, message } of exceptProblems(ctx.value))
    ctx.issues.push({ code: "custom", message, path: ["except", at], input: ctx.value });
});

/** In the one form that each prefix has; only of what the schemas let by. */
export const blockPeer = ({ cidr, except = [] }: { cidr: string; except?: string[] | undefined }) => ({
  kind: "cidr" as const,
  cidr: prefixText(prefixIn(cidr) as Prefix),
  except: except.map((text) => prefixText(prefixIn(text) as Prefix)),
});
