/** Looks at what became of this host's connections to backends, and says whose tables change by it. */
import { type BackendOut, MOST_BACKENDS_OUT, type NetworkReport } from "@millrace/contract/agent-protocol";
import type { Services as KernelServices } from "../dataplane/services.ts";
import { BackendHealth, type ObservedBackend, type OutBackend } from "./health.ts";
import { portText, type ServiceLayout } from "./layout.ts";
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
    const { observed, addresses } = this.#observe(layout);
    for (const { service, backend, out, why } of this.#health.look(observed, nowMs)) {
      if (out) this.takenOut++;
      changed.add(addresses.get(service) as string);
      this.#o.log(`backend ${backend} of service ${service}`, why);
    }
    return changed;
  }

  report(): NetworkReport["backendsOut"] {
    const all = this.#health.out();
    return { count: all.length, some: all.slice(0, MOST_BACKENDS_OUT).map(reported) };
  }

  #observe(layout: ServiceLayout): { observed: ObservedBackend[]; addresses: Map<string, string> } {
    const counts = new Map(this.#o.kernel.backendCounts().map((one) => [one.number, one]));
    const addresses = new Map<string, string>();
    const observed: ObservedBackend[] = [];
    for (const { service, backend, number, isDraining } of layout.backends()) {
      const [counted, name] = [counts.get(number), portText(service)];
      // What drains anyway is not among those that others could do without.
      const isLeaving = isDraining && !this.isOut(name, backend);
      if (service.protocol !== TCP || isLeaving || !counted) continue;
      addresses.set(name, service.address);
      observed.push({ ...counted, service: name, backend });
    }
    return { observed, addresses };
  }
}

/** The names are portText's and backendText's. */
function reported({ service, backend, untilMs, why }: OutBackend): BackendOut {
  const [address = "", port, protocol] = service.split(" ");
  const [ownAddress = "", ownPort] = backend.split(" ");
  return {
    service: { address, port: Number(port), protocol: Number(protocol) },
    backend: { address: ownAddress, port: Number(ownPort) },
    ...{ untilMs, why },
  };
}
