/**
 * Services: which has which virtual addresses and node ports, where each sends, and who is told when that changes. What
 * people wrote is document/'s; where pods are is network/'s.
 */
import type { Problem } from "@millrace/policy/reading";
import type { Transaction } from "../audit/service.ts";
import { lockAddressPlan, plannedServiceRanges, settleServiceRanges } from "../pool/service.ts";
import { planAddresses, type Wanting } from "./address.ts";
import { hasNodePorts, planNodePorts } from "./node-port.ts";
import * as repo from "./repo.ts";

export type { Wanting } from "./address.ts";
export type { Held } from "./repo.ts";
export { resolve, scopeOfSlices } from "./resolve.ts";
export { getService, listServices } from "./view.ts";

export type Given = repo.Held & { problems: Problem[] };

/** What each would get, or why not; in the order of `wanting`. */
export async function planServices(tx: Transaction, wanting: readonly Wanting[]): Promise<Given[]> {
  if (wanting.length === 0) return [];
  const addresses = await planAddresses(tx, wanting, await plannedServiceRanges(tx));
  const standing = wanting.some(hasNodePorts) ? await repo.findNodePorts(tx) : [];
  return planNodePorts(standing, wanting).map(({ nodePorts, problems }, i) => {
    const given = addresses[i] as (typeof addresses)[number];
    return { addresses: given.addresses, nodePorts, problems: [...given.problems, ...problems] };
  });
}

/** Nobody changes what the plan rests on until the transaction's end. */
export const lockServices = (tx: Transaction): Promise<void> => lockAddressPlan(tx);

/** As planned under the lock. */
export async function give(
  tx: Transaction,
  given: readonly ({ documentId: number } & repo.Held)[],
): Promise<void> {
  if (given.some(({ addresses }) => addresses.length > 0)) await settleServiceRanges(tx);
  if (given.length > 0) await repo.replaceHeld(tx, given);
}

export const heldBy = (tx: Transaction, documentIds: readonly number[]): Promise<repo.Held> =>
  repo.findHeld(tx, documentIds);

// race: what follows is called after the change is committed. Who asks from then on gets the new answer; who asked before is found here.

/** Whoever goes by an answer about one of these. */
export async function tellOfHeld(held: repo.Held): Promise<void> {
  if (held.addresses.length + held.nodePorts.length > 0) await repo.tell(await repo.findAskers(held));
}
/** By namespace and name. */
export async function tellOfServices(
  services: readonly { namespace: string; name: string }[],
): Promise<void> {
  if (services.length === 0) return;
  const namespaces = services.map((one) => one.namespace);
  await repo.tell(
    await repo.findAskersOfNamed(
      namespaces,
      services.map((one) => one.name),
    ),
  );
}
/** Endpoints with these identities came or went. */
export async function tellOfIdentities(identities: readonly number[]): Promise<void> {
  if (identities.length > 0) await repo.tell(await repo.findAskersOfIdentities(identities));
}

/** Addresses came to the host or left it: an answer about its own backends may count them otherwise. */
export async function tellOfOwn(hostId: number, addresses: readonly string[]): Promise<void> {
  if (addresses.length > 0 && (await repo.goesByOwn(hostId, addresses))) await repo.tell([hostId]);
}

export const sweepServices = (): Promise<void> => repo.deleteEndedLeases();
