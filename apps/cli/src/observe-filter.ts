/**
 * The flags of `millrace observe`, which keep the names and habits of `hubble observe`, turned into the filter
 * language. Repeated flags are OR within the flag and AND between flags.
 */
import type { Command } from "commander";
import { UsageError } from "./failure.ts";

/** flag → field of the filter language; `<namespace>/<name>` is understood where marked. */
const FLAGS: readonly { flag: string; short?: string; field: string; help: string; qualified?: boolean }[] = [
  { flag: "namespace", short: "n", field: "namespace", help: "either end's namespace" },
  { flag: "from-namespace", field: "src.namespace", help: "source namespace" },
  { flag: "to-namespace", field: "dst.namespace", help: "destination namespace" },
  { flag: "pod", field: "pod", help: "either end's pod, [namespace/]name", qualified: true },
  { flag: "from-pod", field: "src.pod", help: "source pod, [namespace/]name", qualified: true },
  { flag: "to-pod", field: "dst.pod", help: "destination pod, [namespace/]name", qualified: true },
  { flag: "service", field: "service", help: "either end's service" },
  { flag: "from-service", field: "src.service", help: "source service" },
  { flag: "to-service", field: "dst.service", help: "destination service" },
  { flag: "label", field: "label", help: "either end's label, key=value" },
  { flag: "from-label", field: "src.label", help: "source label, key=value" },
  { flag: "to-label", field: "dst.label", help: "destination label, key=value" },
  { flag: "ip", field: "ip", help: "either end's address or CIDR" },
  { flag: "from-ip", field: "src.ip", help: "source address or CIDR" },
  { flag: "to-ip", field: "dst.ip", help: "destination address or CIDR" },
  { flag: "port", field: "port", help: "either end's port" },
  { flag: "from-port", field: "src.port", help: "source port" },
  { flag: "to-port", field: "dst.port", help: "destination port" },
  { flag: "protocol", field: "proto", help: "TCP, UDP, ICMP, ICMPv6, SCTP or a number" },
  { flag: "verdict", field: "verdict", help: "FORWARDED, DROPPED, AUDIT (would drop) or UNKNOWN" },
  { flag: "drop-reason-desc", field: "reason", help: "drop reason, e.g. NO_SOCKET" },
  { flag: "way", field: "way", help: "local, direct, overlay, host, masquerade or none" },
  { flag: "tier", field: "tier", help: "path tier of most of its packets: slow or fast" },
  { flag: "policy", field: "policy", help: "policy that decided, by number" },
  { flag: "rule", field: "rule", help: "rule that decided, policy/place" },
  { flag: "node-name", field: "observer", help: "host that reported the flow" },
  { flag: "uuid", field: "flow", help: "the flow of that id" },
];
const VERDICT_NAMES: Record<string, string> = { audit: "would-drop", would_drop: "would-drop" };

const camel = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
const bare = (value: string): string => value.replaceAll('"', "");
const quote = (value: string): string => (/[\s"]/.test(value) ? `"${bare(value)}"` : value);
/** Several values: one quoted as a whole would be one value, so only the blanks in them are. */
const list = ([first = "", ...rest]: string[]): string =>
  rest.length === 0
    ? quote(first)
    : [first, ...rest].map((value) => bare(value).replace(/\s+/g, '"$&"')).join(",");

export function addFilterFlags(command: Command): Command {
  for (const { flag, short, help } of FLAGS)
    command.option(`${short ? `-${short}, ` : ""}--${flag} <value...>`, help);
  return command
    .option("--not", "show what the filter flags do not match")
    .option("--filter <text>", "the filter language of the dashboard, joined by AND with the flags");
}

export function filterText(options: Record<string, unknown>): string {
  const terms = FLAGS.flatMap(({ flag, field, qualified }) => {
    const values = options[camel(flag)] as string[] | undefined;
    return values ? fieldTerms(flag, field, values, qualified === true) : [];
  });
  if (options.not) {
    if (terms.length !== 1)
      throw new UsageError(
        "--not takes one filter flag of one field; for more, write --filter '-field=value …'",
      );
    terms[0] = `-${terms[0]}`;
  }
  if (typeof options.filter === "string") terms.push(options.filter);
  return terms.join(" ");
}

function fieldTerms(flag: string, field: string, values: string[], qualified: boolean): string[] {
  if (qualified && values.some((v) => v.includes("/"))) {
    const [namespace, name, ...rest] = (values[0] as string).split("/");
    if (values.length > 1 || rest.length > 0 || !namespace)
      throw new UsageError(`--${flag} takes one namespace/name at a time`);
    const inNamespace = `${field.replace("pod", "namespace")}=${quote(namespace)}`;
    return name ? [inNamespace, `${field}=${quote(name)}`] : [inNamespace];
  }
  return [`${field}=${list(values.map((v) => normalize(field, v)))}`];
}

function normalize(field: string, value: string): string {
  if (field.endsWith("label")) return value.replace("=", ":");
  if (field !== "verdict") return value;
  const lower = value.toLowerCase();
  return VERDICT_NAMES[lower] ?? lower;
}
