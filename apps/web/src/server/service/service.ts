/**
 * Services: which has which virtual address, where each sends, and who is told when that changes. What people wrote is
 * document/'s; where pods are is network/'s.
 */
import type { Transaction } from "../audit/service.ts";
import { lockAddressPlan, plannedServiceRanges, settleServiceRanges } from "../pool/service.ts";
import { type Given, planAddresses, type Wanting } from "./address.ts";
import * as repo from "./repo.ts";

export type { Given, Wanting } from "./address.ts";
export { resolve, scopeOfSlices } from "./resolve.ts";
export { getService, listServices } from "./view.ts";

/** What each would get, or why not; in the order of `wanting`. */
export async function planServices(tx: Transaction, wanting: readonly Wanting[]): Promise<Given[]> {
  if (wanting.length === 0) return [];
  return planAddresses(tx, wanting, await plannedServiceRanges(tx));
}

/** Nobody changes what the plan rests on until the transaction's end. */
export const lockServices = (tx: Transaction): Promise<void> => lockAddressPlan(tx);

/** As planned under the lock. */
export async function giveAddresses(
  tx: Transaction,
  given: readonly { documentId: number; addresses: readonly string[] }[],
): Promise<void> {
  if (given.some(({ addresses }) => addresses.length > 0)) await settleServiceRanges(tx);
  if (given.length > 0) await repo.replaceAddresses(tx, given);
}

export const addressesOf = (tx: Transaction, documentIds: readonly number[]): Promise<string[]> =>
  repo.findAddresses(tx, documentIds);

// race: what follows is called after the change is committed. Who asks from then on gets the new answer; who asked before is found here.

/** Whoever goes by an answer about one of the addresses. */
export async function tellOfAddresses(addresses: readonly string[]): Promise<void> {
  if (addresses.length > 0) await repo.tell(await repo.findAskers(addresses));
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

export const sweepServices = (): Promise<void> => repo.deleteEndedLeases();
