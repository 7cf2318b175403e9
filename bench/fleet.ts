/**
 * The fleet that benchmarks without real packets pretend: hosts with pods of services that differ in how
 * busy they are, and the peers outside. Names and numbers only; what flows between them is flow-mix.ts's.
 */
import type { Workload } from "@millrace/contract/batch";
import { Random, Zipf } from "./random.ts";

export type Place = {
  /** Sixteen bytes, IPv4 as ::ffff:a.b.c.d. */
  readonly address: Uint8Array;
  readonly text: string;
  readonly pod: Pod | null;
};
export type Pod = {
  readonly host: number;
  /** Its number on its host, from 0. */
  readonly endpoint: number;
  readonly service: number;
  readonly workload: Workload;
  readonly ip4: string;
};
export type Service = {
  readonly name: string;
  readonly port: number;
  readonly pods: readonly Place[];
  /** The services it calls, by number: a graph of services is sparse. */
  readonly calls: readonly number[];
};

export type FleetSize = { hosts: number; podsPerHost: number; services: number; externals: number };

const CALLS = 4;
const NAMES = ["web", "checkout", "payments", "cart", "search", "stock", "mail", "auth", "users", "billing"];
const PORTS = [8080, 443, 9000, 6379, 5432, 50051, 3306, 9092];

export class Fleet {
  readonly hosts: readonly string[];
  readonly pods: readonly Place[];
  readonly services: readonly Service[];
  readonly externals: readonly Place[];
  readonly resolver: Place;
  readonly #busyServices: Zipf;
  readonly #busyExternals: Zipf;

  constructor(size: FleetSize, seed = 1) {
    const random = new Random(seed);
    this.hosts = Array.from({ length: size.hosts }, (_, i) => `bench-${i + 1}`);
    this.#busyServices = new Zipf(size.services);
    this.#busyExternals = new Zipf(size.externals);
    this.pods = Array.from({ length: size.hosts * size.podsPerHost }, (_, i) => podAt(i, size));
    this.services = Array.from({ length: size.services }, (_, service) => ({
      name: serviceName(service),
      port: PORTS[service % PORTS.length] as number,
      pods: this.pods.filter((place) => place.pod?.service === service),
      calls: Array.from({ length: CALLS }, () => this.#busyServices.pick(random)),
    }));
    this.externals = Array.from({ length: size.externals }, () => {
      const bytes = [random.between(1, 223), random.below(256), random.below(256), random.below(256)];
      return { address: mapped(bytes), text: bytes.join("."), pod: null };
    });
    this.resolver = this.pods[0] as Place;
  }

  service(random: Random): Service {
    return this.services[this.#busyServices.pick(random)] as Service;
  }
  calledBy(service: Service, random: Random): Service {
    return this.services[random.pick(service.calls)] as Service;
  }
  external(random: Random): Place {
    return this.externals[this.#busyExternals.pick(random)] as Place;
  }
  podsOf(host: number): Pod[] {
    return this.pods.flatMap(({ pod }) => (pod?.host === host ? [pod] : []));
  }
}

const serviceName = (service: number): string => {
  const round = Math.floor(service / NAMES.length);
  return `${NAMES[service % NAMES.length]}${round ? `-${round + 1}` : ""}`;
};

/** Services are dealt to pods in turn, so that each has some on several hosts. */
function podAt(at: number, { podsPerHost, services }: FleetSize): Place {
  const host = Math.floor(at / podsPerHost);
  const endpoint = at % podsPerHost;
  const service = at % services;
  const name = serviceName(service);
  const bytes = [10, 64 + host, Math.floor(endpoint / 250), (endpoint % 250) + 2];
  const ip4 = bytes.join(".");
  const pod: Pod = {
    ...{ host, endpoint, service, ip4 },
    workload: {
      ...{ kind: "pod", namespace: "shop", pod: `${name}-7c9d8b6f5-${podSuffix(at)}`, container: name },
      ...{ service: name, runtime: "containerd", unknown: null },
      labels: { app: name, "app.kubernetes.io/name": name, tier: service % 3 ? "backend" : "frontend" },
    },
  };
  return { address: mapped(bytes), text: ip4, pod };
}

const podSuffix = (at: number): string => (0x9_c3e5 + at * 7919).toString(36).slice(-5).padStart(5, "0");

export function mapped(ip4: readonly number[]): Uint8Array {
  const address = new Uint8Array(16);
  address.set([0xff, 0xff, ...ip4], 10);
  return address;
}
