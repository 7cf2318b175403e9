/**
 * What watching costs the watched: TCP request/response between two containers' interfaces with every flow
 * captured, against the same with nothing attached. Paired slices in random order on one CPU, with an A/A
 * control. `node --import tsx bench/capture.ts [pairs]`; the result is written to bench/results/capture.json.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import {
  ENDPOINT_KEY_SIZE,
  ENDPOINT_OFFSETS,
  ENDPOINT_SIZE,
  encodeEndpointKey,
  encodeNetnsInfo,
  NETNS_INFO_SIZE,
} from "@millrace/abi/generated/endpoint";
import { type BpfLink, type BpfObject, links, netnsCookie, openObject } from "@millrace/native/native";
import { at } from "../tools/paths.mjs";
import { ratioOf, shown, writeResult } from "./result.ts";

const SLICE_MS = 300;
const A = { netns: "mrb-a", ip: "10.222.0.1" };
const B = { netns: "mrb-b", ip: "10.222.0.2" };
const CPU = "1";
const path = (netns: string) => `/run/netns/${netns}`;

function network(up: boolean): void {
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
  if (!up) {
    for (const { netns } of [A, B]) execFileSync("ip", ["netns", "del", netns], { stdio: "ignore" });
    return;
  }
  for (const { netns } of [A, B]) ip("netns", "add", netns);
  ip("-n", A.netns, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", B.netns);
  for (const { netns, ip: address } of [A, B]) {
    ip("-n", netns, "addr", "add", `${address}/24`, "dev", "eth0");
    ip("-n", netns, "link", "set", "eth0", "up");
  }
}

const packed = (size: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
};

function loadObserver(): BpfObject {
  const object = openObject(at("packages/bpf/build/observe.bpf.o"));
  const config = { abiHash: ABI_HASH, breakCounter: 0 };
  object.setRodata(
    ".rodata",
    "observe_config",
    packed(OBSERVE_CONFIG_SIZE, (v) => encodeObserveConfig(config, v)),
  );
  object.load();
  [A, B].forEach(({ netns }, index) => {
    const netnsCookieOf = netnsCookie(path(netns));
    const ifindex = links(path(netns)).find((l) => l.name === "eth0")?.ifindex ?? 0;
    const endpoints = object.map("endpoints");
    const one = packed(Math.ceil(ENDPOINT_SIZE / 8) * 8, (v) =>
      v.setUint32(ENDPOINT_OFFSETS.endpointId, index + 1, true),
    );
    const perCpu = Buffer.concat(Array.from({ length: endpoints.cpus }, () => one));
    endpoints.update(
      packed(ENDPOINT_KEY_SIZE, (v) => encodeEndpointKey({ netnsCookie: netnsCookieOf, ifindex }, v)),
      perCpu,
    );
    const info = { kind: 0, endpointCount: 1, endpointIds: [index + 1, 0, 0, 0, 0, 0, 0, 0] };
    object.map("netns").update(
      packed(8, (v) => v.setBigUint64(0, netnsCookieOf, true)),
      packed(NETNS_INFO_SIZE, (v) => encodeNetnsInfo(info, v)),
    );
  });
  return object;
}

/** Everything the agent attaches: both hooks of both ends, sockops at the root, the tracing programs. */
function attachAll(object: BpfObject): BpfLink[] {
  const attached: BpfLink[] = [];
  for (const { netns } of [A, B])
    for (const direction of ["ingress", "egress"] as const) {
      const ifindex = links(path(netns)).find((l) => l.name === "eth0")?.ifindex ?? 0;
      attached.push(
        object
          .program(`endpoint_${direction}`)
          .attach({ kind: "tcx", ifindex, direction, netns: path(netns) }),
      );
    }
  for (const name of ["tcp_retransmit", "tcp_retransmit_answer", "tcp_state_changed", "packet_dropped"])
    attached.push(object.program(name).attach({ kind: "tracing" }));
  attached.push(object.program("tcp_sockops").attach({ kind: "cgroup", path: cgroupRoot(), multi: true }));
  return attached;
}

const cgroupRoot = (): string =>
  execFileSync("findmnt", ["-n", "-o", "TARGET", "-t", "cgroup2"], { encoding: "utf8" }).split("\n")[0] ?? "";

class Exchange {
  readonly #server: ChildProcess;
  readonly #client: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  private constructor(server: ChildProcess, client: ChildProcess) {
    this.#server = server;
    this.#client = client;
    if (!client.stdout) throw new Error("the client has no output");
    this.#lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  }
  static async start(): Promise<Exchange> {
    const rr = at("bench/traffic/build/rr");
    const inside = (netns: string, ...args: string[]) =>
      spawn("nsenter", [`--net=${path(netns)}`, rr, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const server = inside(B.netns, "server", B.ip, "5201", CPU);
    await new Promise((resolve) => server.stdout?.once("data", resolve));
    return new Exchange(server, inside(A.netns, "client", B.ip, "5201", CPU));
  }
  /** Transactions per second over one slice. */
  async slice(): Promise<number> {
    this.#client.stdin?.write(`${SLICE_MS}\n`);
    const { value } = await this.#lines.next();
    const [done = 0, ns = 1] = String(value).split(" ").map(Number);
    return (done / ns) * 1e9;
  }
  end(): void {
    this.#client.kill();
    this.#server.kill();
  }
}

async function main(): Promise<void> {
  const pairs = Number(process.argv[2] ?? 40);
  execFileSync("make", ["-s", "-C", at("bench/traffic")], { stdio: "inherit" });
  network(true);
  const object = loadObserver();
  let exchange: Exchange | undefined;
  try {
    exchange = await Exchange.start();
    const measure = async (on: boolean): Promise<number> => {
      const attached = on ? attachAll(object) : [];
      const rate = await (exchange as Exchange).slice();
      for (const link of attached) link.close();
      return rate;
    };
    for (let i = 0; i < 4; i++) await measure(i % 2 === 0);
    const captured: [number, number][] = [];
    const control: [number, number][] = [];
    for (let i = 0; i < pairs; i++) {
      for (const [list, on] of Math.random() < 0.5
        ? ([
            [captured, true],
            [control, false],
          ] as const)
        : ([
            [control, false],
            [captured, true],
          ] as const)) {
        const first = Math.random() < 0.5;
        const a = await measure(first && on);
        const b = await measure(!first && on);
        list.push(first ? [a, b] : [b, a]);
      }
    }
    const figures = { captured: ratioOf(captured), control: ratioOf(control) };
    writeResult("capture", {
      question: "request/response with every flow captured, against nothing attached",
      method: `TCP, 1 byte, one connection, both ends on CPU ${CPU}, slices of ${SLICE_MS} ms, ${pairs} pairs in random order; median of paired ratios with quartiles`,
      findings: [
        {
          what: "request/response, every flow captured",
          goal: "≥ 0.98 of nothing attached",
          measured: shown(figures.captured),
          met: figures.captured.median >= 0.98,
        },
        { what: "the same, nothing attached on either side (control)", measured: shown(figures.control) },
      ],
      figures,
    });
  } finally {
    exchange?.end();
    object.close();
    network(false);
  }
}

await main();
