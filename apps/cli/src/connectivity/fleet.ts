/** What a run has to know of the hosts and pods that there are, from the control plane. */
import { Milliseconds } from "@millrace/contract/ids";
import type { Client } from "../client.ts";
import { UsageError } from "../failure.ts";
import type { Addresses, NamedPod } from "./case.ts";

export type HostFacts = { name: string; uplink: Addresses };

const RECENT_MS = 60_000;

export async function hostFacts(client: Client, name: string): Promise<HostFacts> {
  const { hosts } = await client.hosts.list.query();
  if (!hosts.some((host) => host.name === name))
    throw new UsageError(
      `no host is called “${name}”: name one with --host, such as --host ${hosts[0]?.name ?? "NAME"}=SOCKET`,
    );
  const { heartbeat } = await detailOf(client, name);
  if (!heartbeat) throw new Error(`${name} has not been heard since its agent started`);
  if (!heartbeat.network)
    throw new UsageError(`${name} carries no packets: its agent runs without --dataplane`);
  return { name, uplink: addressesIn(heartbeat.network.uplink.addresses) };
}

/** `wanted` as `[namespace/]pod`: exactly one pod of one host. */
export async function namedPod(client: Client, wanted: string): Promise<NamedPod> {
  const [pod, namespace] = wanted.split("/").reverse();
  const { hosts } = await client.hosts.list.query();
  const details = await Promise.all(hosts.map(({ name }) => detailOf(client, name)));
  const found = details
    .flatMap(({ endpoints }) => endpoints)
    .filter((one) => one.pod === pod && (namespace === undefined || one.namespace === namespace));
  const uids = new Set(found.map(({ uid }) => uid));
  if (uids.size !== 1)
    throw new UsageError(
      uids.size === 0
        ? `--to: no pod is called “${wanted}”`
        : `--to: ${uids.size} pods are called “${wanted}”`,
    );
  return { name: wanted, addresses: addressesIn(found.flatMap(({ addresses }) => addresses)) };
}

function detailOf(client: Client, name: string) {
  const nowMs = Date.now();
  const range = { from: Milliseconds.parse(nowMs - RECENT_MS), to: Milliseconds.parse(nowMs) };
  return client.hosts.get.query({ name, range });
}

/** Of each family the first that others can reach. */
function addressesIn(texts: readonly string[]): Addresses {
  const usable = texts.map((text) => text.split("/", 1)[0] ?? "").filter((text) => !/^fe[89ab]/i.test(text));
  const find = (v6: boolean) => usable.find((one) => one.includes(":") === v6);
  return { 4: find(false), 6: find(true) };
}
