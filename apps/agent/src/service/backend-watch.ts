/** Looks at what became of this host's connections to backends, and says whose tables change by it. */
import { type BackendOut, MOST_BACKENDS_OUT, type NetworkReport } from "@millrace/contract/agent-protocol";
import { NODE_PORT_ADDRESS } from "@millrace/contract/node-port";
import type { Services as KernelServices } from "../dataplane/services.ts";
import { BackendHealth, type ObservedBackend, type OutBackend } from "./health.ts";
import { portText, type ServiceLayout } from "./layout.ts";
import { nodePortOf } from "./node-port.ts";
import type { IsOut } from "./wanted.ts";

const LOOK_MS = 2000;
const TCP = 6;

export type BackendWatchOptions = {
  kernel: Pick<KernelServices, "backendCounts">;
  log: (line: string, error?: string) => void;
};

export class BackendWatch {
  readonly #o: BackendWatchOptions;
  readonly #health = new BackendHealth();
  #lookAtMs = 0;
  takenOut = 0;

  constructor(options: BackendWatchOptions) {
    this.#o = options;
  }
  get out(): number {
    return this.#health.out().length;
  }
  readonly isOut: IsOut = (service, backend) => this.#health.isOut(service, backend);

  /** Virtual addresses some of whose backends go out or come back. */
  look(layout: ServiceLayout, nowMs: number): Set<string> {
    const changed = new Set<string>();
    if (nowMs < this.#lookAtMs) return changed;
    this.#lookAtMs = nowMs + LOOK_MS;
    for (const { service, backend, out, why } of this.#health.look(this.#observe(layout), nowMs)) {
      if (out) this.takenOut++;
      changed.add(partsOf(service).address);
      this.#o.log(`backend ${backend} of service ${service}`, why);
    }
    return changed;
  }

  report(): NetworkReport["backendsOut"] {
    const all = this.#health.out();
    return { count: all.length, some: all.slice(0, MOST_BACKENDS_OUT).map(reported) };
  }

  #observe(layout: ServiceLayout): ObservedBackend[] {
    const counts = new Map(this.#o.kernel.backendCounts().map((one) => [one.number, one]));
    const observed: ObservedBackend[] = [];
    for (const { service, backend, number, isDraining } of layout.backends()) {
      const [counted, name] = [counts.get(number), portText(service)];
      // What drains anyway is not among those that others could do without.
      const isLeaving = isDraining && !this.isOut(name, backend);
      if (service.protocol !== TCP || isLeaving || !counted) continue;
      observed.push({ ...counted, service: name, backend });
    }
    return observed;
  }
}

/** Of what portText and backendText make. */
function partsOf(name: string): { address: string; port: number; protocol: number } {
  const [address = "", port, protocol] = name.split(" ");
  return { address, port: Number(port), protocol: Number(protocol) };
}
function reported({ service, backend, why }: OutBackend): BackendOut {
  const [asked, { address, port }] = [partsOf(service), partsOf(backend)];
  const at = nodePortOf(asked.address) ? { ...asked, address: NODE_PORT_ADDRESS } : asked;
  return { service: at, backend: { address, port }, why };
}
