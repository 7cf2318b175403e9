/**
 * One run: makes the pods, declares the services and policies, makes the connections, asks what was recorded of them. What it
 * makes it gives to `undo` beforehand; taking it away is the caller's. What a case must come to is case.ts's and judge.ts's.
 */

import { type DocumentObject, documentText } from "@millrace/contract/document";
import type { FlowRow } from "@millrace/contract/flow";
import type { Client } from "../client.ts";
import {
  type Addresses,
  admittedCases,
  type Case,
  carriedCases,
  deniedCases,
  type HostPlace,
  type NamedPod,
  PORTS,
  type PodPlace,
} from "./case.ts";
import {
  FORBIDDING,
  ISOLATING,
  isOfARun,
  nameOf,
  namespaceDocuments,
  namespacesOf,
  policyDocuments,
  rulesOf,
  serviceDocuments,
  serviceName,
} from "./documents.ts";
import type { HostFacts } from "./fleet.ts";
import { isAsExpected, type Rules, type Tried } from "./judge.ts";
import { type Listener, Prober } from "./probe.ts";
import { recordsOf } from "./records.ts";
import { addPod, netnsName, netnsPath, type Wiring } from "./test-pod.ts";
import type { Undo } from "./undo.ts";

/** A host whose agent is asked for pods, and where its own sockets are: in this process's namespace unless one is named. */
export type TestedHost = HostFacts & { wiring: Wiring; netns: string | undefined };
export type RunParts = {
  client: Client;
  hosts: readonly TestedHost[];
  named: readonly NamedPod[];
  undo: Undo;
  /** Tells this run's documents from another's. */
  id: string;
  note: (line: string) => void;
};
export type Outcome = { tried: Tried[]; flows: (FlowRow | undefined)[]; rules: Rules };

const PATIENCE_MS = 5_000;
/** How long an attempt that is to be denied may go unanswered; whether it was is in the records. */
const DENIED_MS = 1_000;
/** By then hosts go by a change of policies. */
const IN_FORCE_MS = 20_000;
const AGAIN_MS = 100;
/** A run's documents are minutes old at most. */
const LEFT_BEHIND_MS = 3_600_000;
/** Where source ports begin that an attempt chooses: it can be found in the records also when it got nowhere. */
const FIRST_PORT = 20_000;
const PORT_SPAN = 10_000;

const everyAddress = (addresses: Addresses): string[] =>
  [addresses[4], addresses[6]].filter((one) => one !== undefined);

export class Run {
  readonly #p: RunParts;
  readonly #probers = new Map<string, Prober>();
  readonly #addresses = new Map<string, Addresses>();
  #port = Math.floor(Math.random() * PORT_SPAN);

  constructor(parts: RunParts) {
    this.#p = parts;
  }

  async go(): Promise<Outcome> {
    const { client, named, note, id } = this.#p;
    const sinceMs = Date.now();
    await this.#removeLeftDocuments(sinceMs);
    const hosts = await this.#makeAll();
    const carried = carriedCases(hosts, named);
    note(`making ${carried.length} connections`);
    const tried = await this.#tryAll(carried, PATIENCE_MS);
    await this.#apply(policyDocuments(namespacesOf(id)));
    note("the same under policies, until they are in force");
    tried.push(...(await this.#tryUntilDenied(deniedCases(hosts))));
    tried.push(...(await this.#tryAll(admittedCases(hosts), PATIENCE_MS)));

    note("waiting for what the hosts recorded");
    const rules = await this.#rules();
    const addresses = [...this.#addresses.values()].flatMap(everyAddress);
    return { tried, rules, flows: await recordsOf(client, tried, rules, { addresses, sinceMs }) };
  }

  /** Pods, who answers in them, and the services in front of them. */
  async #makeAll(): Promise<HostPlace[]> {
    const { hosts, id, note } = this.#p;
    const namespaces = namespacesOf(id);
    note(`making ${hosts.length * 2} pods on ${hosts.map(({ name }) => name).join(", ")}`);
    await this.#apply(namespaceDocuments(namespaces));
    const pods = await Promise.all(hosts.map((host, i) => this.#addPods(host, i + 1)));
    const servers = pods.map(({ server }) => server.addresses);
    const [places] = await Promise.all([
      Promise.all(hosts.map((host, i) => this.#startProbers(host, i + 1, pods[i] as HostPods))),
      this.#apply(serviceDocuments(namespaces, servers)),
    ]);
    return Promise.all(
      places.map(async (place, i) => ({
        ...place,
        virtual: await this.#virtualAddresses(namespaces.server, i + 1),
      })),
    );
  }

  async #addPods({ name, wiring }: TestedHost, number: number): Promise<HostPods> {
    const namespaces = namespacesOf(this.#p.id);
    const add = async (role: "client" | "server") => {
      const pod = {
        name: `${role}@${name}`,
        namespace: namespaces[role],
        netns: netnsName(role, number),
        wiring,
      };
      return await addPod(pod, this.#p.undo);
    };
    const [client, server] = await Promise.all([add("client"), add("server")]);
    for (const pod of [client, server]) this.#addresses.set(pod.name, pod.addresses);
    return { client, server };
  }

  async #startProbers(
    { name, netns, uplink }: TestedHost,
    number: number,
    { client, server }: HostPods,
  ): Promise<Omit<HostPlace, "virtual">> {
    const transports = ["tcp", "udp"] as const;
    const inServer = transports.flatMap((transport) =>
      Object.values(PORTS).map((port): Listener => ({ transport, address: "::", port })),
    );
    const onHost = everyAddress(uplink).flatMap((address) =>
      transports.map((transport): Listener => ({ transport, address, port: 0 })),
    );
    const [host] = await Promise.all([
      this.#startProber(name, netns, onHost),
      this.#startProber(client.name, netnsPath(netnsName("client", number)), []),
      this.#startProber(server.name, netnsPath(netnsName("server", number)), inServer),
    ]);
    const listens = onHost.map(({ transport, address }, i) => ({
      ...{ transport, family: address.includes(":") ? (6 as const) : (4 as const) },
      port: host.ports[i] as number,
    }));
    return { name, client, server, uplink, listens };
  }
  async #startProber(name: string, netns: string | undefined, listen: readonly Listener[]): Promise<Prober> {
    const prober = await Prober.start({ name, netns, listen }, this.#p.undo);
    this.#probers.set(name, prober);
    return prober;
  }

  async #apply(documents: readonly DocumentObject[]): Promise<void> {
    const { client, undo } = this.#p;
    const names = documents.map(nameOf);
    const answer = await undo.make(
      "documents",
      names.map(documentText).join(", "),
      () => client.documents.applyAll.mutate({ documents: [...documents] }),
      () => client.documents.delete.mutate({ documents: names }),
    );
    if (!answer.ok)
      throw new Error(
        answer.problems
          .map(
            ({ document, path, message }) =>
              `${documentText(names[document] as (typeof names)[number])}: ${path}: ${message}`,
          )
          .join("; "),
      );
  }
  async #removeLeftDocuments(nowMs: number): Promise<void> {
    const { client, note } = this.#p;
    const left = (await client.documents.list.query({})).filter(
      (one) => isOfARun(one) && one.changedAtMs < nowMs - LEFT_BEHIND_MS,
    );
    if (left.length === 0) return;
    const documents = left.map(({ kind, namespace, name }) => ({ kind, namespace, name }));
    await client.documents.delete.mutate({ documents });
    note(`removed ${left.length} documents that an earlier run had left`);
  }

  async #virtualAddresses(namespace: string, number: number): Promise<Addresses> {
    const name = serviceName(number);
    const { addresses } = await this.#p.client.services.get.query({ namespace, name });
    const find = (v6: boolean) => addresses.find((one) => one.includes(":") === v6);
    return { 4: find(false), 6: find(true) };
  }
  async #rules(): Promise<Rules> {
    const { client, server } = namespacesOf(this.#p.id);
    const numberOf = async (name: { kind: "Policy" | "NetworkPolicy"; namespace: string; name: string }) =>
      (await this.#p.client.documents.get.query(name)).number ?? 0;
    return rulesOf(
      await numberOf({ ...ISOLATING, namespace: server }),
      await numberOf({ ...FORBIDDING, namespace: client }),
    );
  }

  #tryAll(cases: readonly Case[], waitMs: number): Promise<Tried[]> {
    return Promise.all(cases.map((one) => this.#try(one, waitMs)));
  }
  /** The last attempt of each, which is the first that was denied unless its time is over. */
  async #tryUntilDenied(cases: readonly Case[]): Promise<Tried[]> {
    const endMs = Date.now() + IN_FORCE_MS;
    const tried = await this.#tryAll(cases, DENIED_MS);
    const unlike = () => tried.flatMap((one, i) => (isAsExpected(one) ? [] : [i]));
    while (unlike().length > 0 && Date.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      const again = unlike();
      const answers = await this.#tryAll(
        again.map((i) => cases[i] as Case),
        DENIED_MS,
      );
      for (const [at, i] of again.entries()) tried[i] = answers[at] as Tried;
    }
    return tried;
  }
  async #try(one: Case, waitMs: number): Promise<Tried> {
    const prober = this.#probers.get(one.from) as Prober;
    const source = this.#addresses.get(one.from)?.[one.family];
    const { transport, address: to, port, bytes } = one;
    // Of the host's own ports only its kernel knows which are free.
    const sourcePort = source === undefined ? 0 : this.#nextPort();
    return {
      case: one,
      source,
      answer: await prober.try({ transport, to, port, bytes, sourcePort, waitMs }),
    };
  }
  #nextPort(): number {
    this.#port = (this.#port + 1) % PORT_SPAN;
    return FIRST_PORT + this.#port;
  }
}
type HostPods = { client: PodPlace; server: PodPlace };
