/** A host with pods on a fake kernel, and lives of an agent's counting on it. Tests only. */
import type { FlowKey } from "@millrace/abi/generated/flow";
import { Incarnation } from "@millrace/contract/ids";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { FakeKernel } from "../dataplane/fake-kernel.ts";
import { addressBytes } from "../endpoint/address.ts";
import { EndpointReconciler } from "../endpoint/reconcile.ts";
import { Telemetry, type TelemetryOptions } from "../telemetry/telemetry.ts";
import { type Pod, type PodContainer, podOf } from "../workload/pod.ts";
import type { Ledger } from "./ledger.ts";

export const HOST_COOKIE = 1n;
export const BOOT_ID = "b0070000-0000-4000-8000-000000000000";
let incarnations = 0;

export function fakeContainer(name: string, change: Partial<PodContainer> = {}): PodContainer {
  return {
    ...{ runtime: "runc", id: `id-of-${name}`, pid: 100, startTicks: 1, name, podName: name },
    ...{ podNamespace: "shop", isSandbox: false, image: null, startedAtMs: null, labels: { app: name } },
    ...{ unknown: null, cgroups: [], ...change },
  };
}

export class FakeHost {
  readonly kernel = new FakeKernel();
  readonly pods: Pod[] = [];

  constructor() {
    this.kernel.cookies.set("host", HOST_COOKIE);
  }
  /** A pod with one interface. */
  addPod(name: string, address: string, containers = [fakeContainer(name)]): Pod {
    const cookie = BigInt(100 + this.kernel.cookies.size);
    this.kernel.cookies.set(name, cookie);
    const stats = { tx_packets: 5n, tx_bytes: 500n, rx_packets: 7n, rx_bytes: 700n };
    const link = { ifindex: 2, name: "eth0", loopback: false, up: true, addresses: [address], stats, cookie };
    this.kernel.interfaces.push(link);
    const pod = podOf(cookie, name, containers);
    this.pods.push(pod);
    return pod;
  }
  removePod(pod: Pod): void {
    this.pods.splice(this.pods.indexOf(pod), 1);
    this.kernel.cookies.delete(pod.netns as string);
    const at = this.kernel.interfaces.findIndex(({ cookie }) => cookie === pod.cookie);
    this.kernel.interfaces.splice(at, 1);
  }
  endpointId(pod: Pod): number {
    const found = [...this.kernel.endpoints.values()].find(({ entry }) => entry.cookie === pod.cookie);
    return found?.entry.endpointId ?? 0;
  }
  /** A TCP or UDP flow's key as the pod's endpoint has it. */
  key(
    pod: Pod,
    tuple: { local: string; remote: string; sport: number; dport: number; proto?: number },
  ): FlowKey {
    return {
      saddr: addressBytes(tuple.local) as Uint8Array,
      daddr: addressBytes(tuple.remote) as Uint8Array,
      ...{ sport: tuple.sport, dport: tuple.dport, proto: tuple.proto ?? 6, family: 4, vlan: 0 },
      endpointId: this.endpointId(pod),
    };
  }
}

/** One life of the agent's counting, as Agent wires it but without timers. */
export class Life {
  readonly telemetry: Telemetry;
  readonly reconciler: EndpointReconciler;
  readonly #host: FakeHost;

  constructor(
    host: FakeHost,
    stateDir: string,
    options: Partial<TelemetryOptions> & { dataplane?: Dataplane } = {},
  ) {
    this.#host = host;
    const dataplane = options.dataplane ?? new FakeDataplane(host.kernel);
    const nowMs = () => Number(host.kernel.realtimeNs / 1_000_000n);
    incarnations++;
    this.telemetry = new Telemetry({
      ...{ dataplane, stateDir, spoolLimit: 1e9, bootId: BOOT_ID, nowMs, losses: () => [] },
      ...{ hostNetns: "host", conntrack: true, podEndOf: () => undefined },
      incarnation: Incarnation.parse(`00000000-0000-4000-8000-${String(incarnations).padStart(12, "0")}`),
      log: () => {},
      ...options,
    });
    const { registry, executor } = this.telemetry;
    this.reconciler = new EndpointReconciler({
      ...{ dataplane, registry, executor, hostNetns: "host", hostCookie: HOST_COOKIE, nowMs },
      attached: () => [],
    });
  }

  /** One second of an agent's life. */
  second(): boolean {
    this.reconciler.run(this.#host.pods);
    const { ok } = this.telemetry.cycle();
    this.#host.kernel.advance(1000);
    return ok;
  }
  /** Sends everything that waits; acknowledging may be what a kill prevents. */
  send(ledger: Ledger, acknowledge = true): void {
    const { spool } = this.telemetry;
    for (let batch = spool.oldest; batch; batch = spool.oldest) {
      ledger.store(spool.payload(batch), batch.compressed);
      if (!acknowledge) return;
      spool.acknowledge(batch);
    }
  }
}
