/**
 * The cases of testdata/ as whoever wants to make the connections needs them: policies as documents, and attempts between names
 * of the world. Which addresses the names have is the caller's: a lab has its own.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { PolicyIdentity } from "@millrace/contract/policy";
import { NAMESPACE_NAME_LABEL } from "@millrace/contract/policy-protocol";
import type { Family } from "@millrace/contract/prefix";
import { SERVICE_PROTOCOLS } from "@millrace/contract/service";
import { parse } from "yaml";
import { z } from "zod";

const Addresses = z.strictObject({ ip4: z.string(), ip6: z.string() });
const Pod = Addresses.extend({
  labels: z.record(z.string(), z.string()),
  /** By name, as in tcp/80. */
  ports: z.record(z.string(), z.string()).default({}),
});
const World = z.strictObject({
  namespaces: z.record(z.string(), z.record(z.string(), z.string())),
  pods: z.record(z.string(), Pod),
  outsiders: z.record(z.string(), Addresses),
  prefixes: z.strictObject({ pods: Addresses, outside: Addresses }),
});
export type World = z.infer<typeof World>;
export type Addresses = z.infer<typeof Addresses>;

export const OUTCOMES = ["connects", "blocked", "would-block"] as const;
const Case = z.strictObject({
  name: z.string(),
  policies: z.array(z.record(z.string(), z.unknown())),
  attempts: z.record(z.string(), z.enum(OUTCOMES)),
});

export type CaseAttempt = {
  /** Names of pods or outsiders; `host`: the host of the pod at the other end. */
  from: string;
  to: string;
  protocol: "tcp" | "udp" | "sctp" | "icmp";
  /** null for icmp. */
  port: number | null;
  families: readonly Family[];
  outcome: (typeof OUTCOMES)[number];
};
export type PolicyCase = {
  /** Of the file, without its end. */
  file: string;
  name: string;
  /** As a person would apply them, given the address of each name of the world and its prefixes `pods` and `outside`. */
  documents: (addresses: Readonly<Record<string, Addresses>>) => unknown[];
  attempts: readonly CaseAttempt[];
};

const testdata = path.join(import.meta.dirname, "../testdata");
const readYaml = (file: string): unknown =>
  parse(readFileSync(path.join(testdata, file), "utf8"), { uniqueKeys: true });

export const world = (): World => World.parse(readYaml("world.yaml"));

/** The world's own addresses, where no packet is sent. */
export const addressesOf = ({ pods, outsiders, prefixes }: World): Record<string, Addresses> => ({
  ...pods,
  ...outsiders,
  ...prefixes,
});

/** The pods as a policy knows them, by name. Their numbers are nobody's. */
export const identitiesOf = ({ pods, namespaces }: World): Map<string, PolicyIdentity> =>
  new Map(
    Object.entries(pods).map(([name, { labels, ports }], at) => {
      const namespace = name.split("/")[0] as string;
      const namespaceLabels = { ...namespaces[namespace], [NAMESPACE_NAME_LABEL]: namespace };
      return [name, { identity: 256 + at, namespace, labels, namespaceLabels, ports: namedIn(ports) }];
    }),
  );
const namedIn = (ports: Record<string, string>): PolicyIdentity["ports"] =>
  Object.fromEntries(
    Object.entries(ports).map(([name, text]) => {
      const [protocol = "", port] = text.split("/");
      const number = SERVICE_PROTOCOLS[protocol.toUpperCase() as keyof typeof SERVICE_PROTOCOLS];
      return [name, { protocol: number, port: Number(port) }];
    }),
  );

const KINDS = {
  "network-policy": { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
  native: { apiVersion: "millrace.io/v1", kind: "Policy" },
} as const;

export function casesIn(folder: keyof typeof KINDS): PolicyCase[] {
  return readdirSync(path.join(testdata, folder))
    .sort()
    .flatMap((file) =>
      z
        .array(Case)
        .parse(readYaml(path.join(folder, file)))
        .map(({ name, policies, attempts }) => ({
          file: path.basename(file, ".yaml"),
          name,
          documents: (addresses) =>
            policies.map((policy) => ({ ...KINDS[folder], ...(filledIn(policy, addresses) as object) })),
          attempts: Object.entries(attempts).map(([text, outcome]) => ({ ...attemptIn(text), outcome })),
        })),
    );
}

function attemptIn(text: string): Omit<CaseAttempt, "outcome"> {
  const [, from, to, protocol, port, family] =
    /^(\S+) -> (\S+) (?:(tcp|udp|sctp)\/(\d+)|icmp)(?: v([46]))?$/.exec(text) ?? [];
  if (!from || !to) throw new Error(`“${text}” is no attempt`);
  return {
    ...{ from, to },
    protocol: (protocol as CaseAttempt["protocol"] | undefined) ?? "icmp",
    port: port === undefined ? null : Number(port),
    families: family ? [Number(family) as Family] : [4, 6],
  };
}

/** `<x/a.4>` becomes an address, wherever it stands. */
function filledIn(value: unknown, addresses: Readonly<Record<string, Addresses>>): unknown {
  if (Array.isArray(value)) return value.map((inner) => filledIn(inner, addresses));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filledIn(inner, addresses)]));
  if (typeof value !== "string") return value;
  return value.replace(/<([^>]+)\.([46])>/g, (_, name: string, family: "4" | "6") => {
    const found = addresses[name];
    if (!found) throw new Error(`there is no “${name}” in the world`);
    return found[`ip${family}`];
  });
}
