/** The fields the filter language knows: one table for the parser, the completion, SQL and the CLI. */

import { LAST_POLICY_NUMBER, MOST_RULES, ruleNumber } from "./rule-number.ts";
import { parseBytes, parseDuration } from "./units.ts";
import { PATH_TIERS, protocolNumber, TCP_STATES, VERDICTS, WAYS } from "./verdict.ts";

export type FieldType =
  | "text"
  | "ip"
  | "port"
  | "number"
  | "duration"
  | "bytes"
  | "enum"
  | "proto"
  | "policy"
  | "rule";
export type FilterField = {
  readonly type: FieldType;
  readonly title: string;
  /** Which ends it looks at; `either` for those that don't name one. */
  readonly end?: "src" | "dst" | "either";
  readonly values?: readonly string[];
};

const ends = (name: string, type: FieldType, title: string): Record<string, FilterField> => ({
  [name]: { type, title: `${title}, either end`, end: "either" },
  [`src.${name}`]: { type, title: `source ${title}`, end: "src" },
  [`dst.${name}`]: { type, title: `destination ${title}`, end: "dst" },
});

export const FILTER_FIELDS: Readonly<Record<string, FilterField>> = {
  ...ends("service", "text", "service"),
  "service.address": { type: "ip", title: "address or CIDR of the service that was asked for" },
  "service.port": { type: "port", title: "port of the service that was asked for" },
  ...ends("pod", "text", "pod"),
  ...ends("namespace", "text", "namespace"),
  ...ends("container", "text", "container"),
  ...ends("host", "text", "host"),
  ...ends("label", "text", "label (key:value)"),
  ...ends("ip", "ip", "address or CIDR"),
  ...ends("port", "port", "port"),
  ...ends("kind", "text", "kind (pod, host, external, unknown)"),
  proto: { type: "proto", title: "protocol" },
  verdict: { type: "enum", title: "verdict", values: VERDICTS },
  reason: { type: "text", title: "drop reason" },
  way: { type: "enum", title: "way that Millrace sent it", values: WAYS },
  tier: { type: "enum", title: "path tier of most of its packets", values: PATH_TIERS },
  policy: { type: "policy", title: "policy that decided, by number" },
  rule: { type: "rule", title: "rule that decided (policy/place)" },
  state: { type: "enum", title: "TCP state", values: TCP_STATES },
  rtt: { type: "duration", title: "round-trip time" },
  bytes: { type: "bytes", title: "bytes, both directions" },
  packets: { type: "number", title: "packets, both directions" },
  retransmits: { type: "number", title: "retransmitted segments" },
  drops: { type: "number", title: "dropped packets" },
  vlan: { type: "number", title: "VLAN id" },
  observer: { type: "text", title: "host that reported it" },
  flow: { type: "text", title: "flow id" },
};

export type FilterValue = { text: string; number: number | null };

/** The value in the field's own unit (µs, bytes), or why it can't be one. */
export function readValue(field: FilterField, text: string): FilterValue | { problem: string } {
  switch (field.type) {
    case "duration": {
      const us = parseDuration(text);
      return us === undefined
        ? { problem: `“${text}” is not a duration like 5ms or 1.5s` }
        : { text, number: us };
    }
    case "bytes": {
      const n = parseBytes(text);
      return n === undefined ? { problem: `“${text}” is not a size like 1500 or 40kB` } : { text, number: n };
    }
    case "port":
      return wholeNumber(text, 65_535);
    case "number":
      return wholeNumber(text, Number.MAX_SAFE_INTEGER);
    case "proto": {
      const n = protocolNumber(text);
      return n === undefined
        ? { problem: `“${text}” is not a protocol like TCP or 17` }
        : { text, number: n };
    }
    case "policy":
      return wholeNumber(text, LAST_POLICY_NUMBER);
    case "rule":
      return readRule(text);
    case "enum":
      return field.values?.includes(text)
        ? { text, number: null }
        : { problem: `“${text}” is none of ${field.values?.join(", ")}` };
    case "ip":
      return isNetwork(text) ? { text, number: null } : { problem: `“${text}” is not an address or CIDR` };
    case "text":
      return { text, number: null };
  }
}

const IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/;

/** An address, or one with a prefix length; nothing that Postgres' inet wouldn't take. */
function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const v6 = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(address) && URL.canParse(`http://[${address}]/`);
  if (rest.length > 0 || !(v6 || IPV4.test(address))) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (v6 ? 128 : 32));
}

/** `12/3`, as flows show it, or the number that stands for both. */
function readRule(text: string): FilterValue | { problem: string } {
  const parts = /^(\d{1,8})\/(\d{1,3})$/.exec(text);
  if (!parts) return wholeNumber(text, ruleNumber(LAST_POLICY_NUMBER, MOST_RULES));
  const [policy, place] = [Number(parts[1]), Number(parts[2])];
  return policy <= LAST_POLICY_NUMBER && place <= MOST_RULES
    ? { text, number: ruleNumber(policy, place) }
    : {
        problem: `“${text}” is not a rule like 12/3: policies go to ${LAST_POLICY_NUMBER}, rules to ${MOST_RULES}`,
      };
}

function wholeNumber(text: string, max: number): FilterValue | { problem: string } {
  const n = Number(text);
  return /^\d+$/.test(text) && n <= max
    ? { text, number: n }
    : { problem: `“${text}” is not a whole number up to ${max}` };
}
