/*
 * Services as tests use them: the cgroup's programs on the root cgroup, for one pod's namespace, and tables filled by
 * hand. Real sockets. Not the agent's part, which decides what these tables hold.
 */
import { existsSync } from "node:fs";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import { encodeNetnsInfo, NETNS_INFO_SIZE, NetnsKind } from "@millrace/abi/generated/endpoint";
import { type FlowKey, readFlowKey } from "@millrace/abi/generated/flow";
import { readServiceFlow, type ServiceFlow } from "@millrace/abi/generated/service";
import { type BpfLink, netnsCookie, openObject } from "@millrace/native/native";
import type { TestNetns } from "./netns.ts";
import { OBSERVE_OBJECT, u32, u64, viewOf } from "./observer.ts";
import { TestServices } from "./service-tables.ts";

export const CLIENT_ENDPOINT = 7;

const PROGRAMS = ["connect", "sendmsg", "recvmsg", "getpeername"].flatMap((hook) =>
  [4, 6].map((family) => `service_${hook}${family}`),
);

export class Balancer extends TestServices implements Disposable {
  readonly #links: BpfLink[] = [];

  constructor(client: TestNetns) {
    super(openObject(OBSERVE_OBJECT));
    const config = new Uint8Array(OBSERVE_CONFIG_SIZE);
    encodeObserveConfig({ abiHash: ABI_HASH, breakCounter: 0, flowBudget: 0, netkit: 0 }, viewOf(config));
    this.object.setRodata(".rodata", "observe_config", config);
    this.object.setMaxEntries("flows", 64);
    const wanted = [...PROGRAMS, "service_sockops", "service_connection_moved"];
    for (const name of this.object.programs()) this.object.setAutoload(name, wanted.includes(name));
    this.object.load();
    const cookie = netnsCookie(client.path);
    this.object.map("service_clients").update(u64(cookie), u32(1));
    const info = Buffer.alloc(NETNS_INFO_SIZE);
    const endpointIds = [CLIENT_ENDPOINT, ...Array(7).fill(0)];
    encodeNetnsInfo({ kind: NetnsKind.POD, endpointCount: 1, endpointIds }, viewOf(info));
    this.object.map("netns").update(u64(cookie), info);
    this.range();
    this.#attach(wanted);
  }

  flows(): { key: FlowKey; flow: ServiceFlow }[] {
    const map = this.object.map("service_flows");
    const { count, keys, values } = map.readAll();
    return Array.from({ length: count }, (_, i) => ({
      key: readFlowKey(viewOf(keys), i * map.keySize),
      flow: readServiceFlow(viewOf(values), i * map.valueSize),
    }));
  }

  #attach(programs: readonly string[]): void {
    const path = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((p) => existsSync(`${p}/cgroup.procs`));
    if (!path) throw new Error("no cgroup v2 hierarchy");
    for (const name of programs) {
      const program = this.object.program(name);
      const isTracing = name === "service_connection_moved";
      this.#links.push(program.attach(isTracing ? { kind: "tracing" } : { kind: "cgroup", path }));
    }
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.close();
    this.object.close();
  }
}
