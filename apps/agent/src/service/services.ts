/**
 * This host's part of service balancing: what its pods ask for is asked of the control plane, kept on a lease, and
 * written into the kernel's tables. A host holds what its own pods use, and nothing else.
 */
import type { NetworkReport } from "@millrace/contract/agent-protocol";
import { contains, type Prefix, parseAddress, parsePrefix } from "@millrace/contract/prefix";
import {
  type NodePort,
  SERVICE_ASK_LIMITS,
  type ServiceResolveInput,
  type ServiceResolveOutput,
} from "@millrace/contract/service";
import type { Answer } from "../connection/client.ts";
import {
  isNothing,
  type Services as KernelServices,
  noChanges,
  type ServiceChanges,
} from "../dataplane/services.ts";
import { BackendWatch } from "./backend-watch.ts";
import { portText, ServiceLayout, type WantedService } from "./layout.ts";
import { ServiceLeases } from "./leases.ts";
import { asServiceAnswer, nodePortAddress, nodePortOf } from "./node-port.ts";
import { Questions } from "./questions.ts";
import type { ServiceFile } from "./service-file.ts";
import { namedTotals } from "./totals.ts";
import { backendsOf, wantedServices } from "./wanted.ts";

const STEP_MS = 1000;
/** How often it is looked at what is used. */
const USE_MS = 10_000;
/** The ranges are asked for when there is nothing else to ask, too: whoever has none translates nothing. */
const RANGES_MS = 60_000;
/** After an answer that was none. */
const RETRY_MS = 5000;

export type ServicesOptions = {
  kernel: KernelServices;
  resolve: (input: ServiceResolveInput) => Promise<Answer<ServiceResolveOutput>>;
  file: ServiceFile;
  clients: () => readonly bigint[];
  isConnected: () => boolean;
  nowMs: () => number;
  log: (line: string, error?: string) => void;
  /** What stands in the kernel is as it is known now: what waits for it may go on. */
  onWritten: () => void;
};

export class Services {
  readonly #o: ServicesOptions;
  readonly #leases: ServiceLeases;
  #layout: ServiceLayout | undefined;
  #ranges: readonly string[] = [];
  #prefixes: readonly Prefix[] = [];
  #clients = "";
  #rangesAtMs = 0;
  #retryAtMs = 0;
  #usedAtMs = 0;
  readonly #backends: BackendWatch;
  /** What each service's counters stood at, by number. */
  #opened = new Map<number, bigint>();
  readonly #asked = new Questions();
  #hints = 0;
  #toWrite = false;
  #backendAddresses: ReadonlySet<string> | undefined;
  readonly #counts = { asked: 0, askedTooMany: 0, noRoom: 0, writesFailed: 0 };

  constructor(options: ServicesOptions) {
    this.#o = options;
    this.#leases = new ServiceLeases(options.nowMs);
    this.#backends = new BackendWatch(options);
    const { ranges, known } = options.file.read();
    this.#takeRanges(ranges);
    this.#leases.restore(known);
  }
  /** What became of connects to virtual addresses, and of the questions they led to. */
  get counts(): Record<string, number> {
    const totals = namedTotals(this.#o.kernel.totals());
    const { takenOut, out } = this.#backends;
    const health = { takenOut, backendsOut: out };
    return { ...this.#counts, ...totals, ...health, known: this.#leases.size };
  }

  /** For the heartbeat. */
  backendsOut(): NetworkReport["backendsOut"] {
    return this.#backends.report();
  }

  /** Sockets of the clients are given backends from now on, by what the last life knew. */
  open(): void {
    const { kernel } = this.#o;
    kernel.onAsked((address) => this.ask(address));
    kernel.setRanges(this.#ranges);
    this.apply();
    try {
      kernel.attach();
    } catch (error) {
      this.#o.log("sockets can't be given backends on this kernel", String(error));
    }
  }

  /** The kernel's tables from what is known now. */
  apply(): void {
    try {
      this.#applyClients();
      const layout = this.#layoutNow();
      const changes = noChanges();
      for (const address of this.#leases.takeChanged()) {
        this.#backendAddresses = undefined;
        this.#plan(address, layout, changes);
      }
      if (isNothing(changes)) return;
      this.#toWrite = true;
      this.#o.kernel.write(changes);
      layout.written();
      this.#o.onWritten();
    } catch (error) {
      this.#startOver(String(error));
    }
  }

  /** Whether packets to it are a service's, or nobody's; of a node port, or the host's own. */
  isVirtual(address: string): boolean {
    if (nodePortOf(address)) return true;
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#prefixes.some((prefix) => contains(prefix, parsed));
  }
  isKnown(address: string): boolean {
    return this.#leases.get(address) !== undefined;
  }
  /** Where connections to what is known may lead, as many as are worth asking for beforehand. */
  backends(): ReadonlySet<string> {
    this.#backendAddresses ??= backendsOf(this.#leases.found());
    return this.#backendAddresses;
  }
  /** A socket or a packet of a pod is for it, or somebody outside came to it. false: too many are asked for. */
  ask(address: string): boolean {
    if (this.#asked.has(address) || this.isKnown(address)) return true;
    if (!this.#asked.add(address)) {
      this.#counts.askedTooMany++;
      return false;
    }
    this.#counts.asked++;
    if (this.#asked.size === 1) void this.#answer();
    return true;
  }

  /** The control plane says that something changed. */
  hint(): void {
    this.#leases.doubt();
    this.#hints++;
    this.#rangesAtMs = 0;
    this.#retryAtMs = 0;
  }

  /** One look at everything; how long until the next. */
  async step(): Promise<number> {
    const now = this.#o.nowMs();
    if (now >= this.#usedAtMs) this.#lookAtUse(now);
    const due = this.#leases.due();
    if (!this.#o.isConnected()) this.#leases.hold();
    else if (now >= this.#rangesAtMs || (due.length > 0 && now >= this.#retryAtMs))
      await this.#renew(due, now);
    this.#leases.expire();
    this.#lookAtBackends(now);
    this.apply();
    this.#keep();
    return STEP_MS;
  }

  #layoutNow(): ServiceLayout {
    if (this.#layout) return this.#layout;
    const { kernel } = this.#o;
    const layout = new ServiceLayout(kernel.capacity, kernel.read());
    for (const address of layout.addresses())
      if (!this.#leases.get(address))
        for (const at of layout.portsOf(address)) layout.remove(at, layout.strays);
    kernel.write(layout.strays);
    layout.written();
    this.#layout = layout;
    this.#leases.changeAll();
    return layout;
  }

  #plan(address: string, layout: ServiceLayout, changes: ServiceChanges): void {
    const known = this.#leases.get(address);
    const wanted = known ? wantedServices(address, known.found, this.#backends.isOut) : [];
    const names = new Set(wanted.map(portText));
    for (const at of layout.portsOf(address)) if (!names.has(portText(at))) layout.remove(at, changes);
    for (const one of wanted) if (!layout.set(one, changes)) this.#noRoom(one);
  }
  #noRoom(service: WantedService): void {
    this.#counts.noRoom++;
    this.#o.log("a service finds no room in the kernel's tables", portText(service));
  }
  /** What is in the kernel now is not what was planned: it is read, and all is planned anew at the next step. */
  #startOver(error: string): void {
    this.#counts.writesFailed++;
    this.#o.log("services can't be written", error);
    this.#layout = undefined;
    this.#leases.changeAll();
  }

  #applyClients(): void {
    const cookies = this.#o.clients();
    const text = cookies.join();
    if (text === this.#clients) return;
    this.#o.kernel.setClients(cookies);
    this.#clients = text;
  }

  /** One request at a time, with all that came together. */
  async #answer(): Promise<void> {
    await Promise.resolve();
    while (this.#asked.size > 0) {
      const part = this.#asked.next(SERVICE_ASK_LIMITS.addresses);
      await this.#resolve(part);
      this.#asked.answered(part);
      this.apply();
    }
  }
  async #renew(due: readonly string[], now: number): Promise<void> {
    const ok = await this.#resolve(due);
    this.#rangesAtMs = now + (ok ? RANGES_MS : RETRY_MS);
    this.#retryAtMs = ok ? 0 : now + RETRY_MS;
    if (!ok) this.#leases.hold();
  }

  async #resolve(addresses: readonly string[]): Promise<boolean> {
    for (let at = 0; at === 0 || at < addresses.length; at += SERVICE_ASK_LIMITS.addresses) {
      const part = addresses.slice(at, at + SERVICE_ASK_LIMITS.addresses);
      const hints = this.#hints;
      const nodePorts = part.flatMap((address) => nodePortOf(address) ?? []);
      const answer = await this.#o.resolve({
        addresses: part.filter((address) => !nodePortOf(address)),
        nodePorts,
      });
      if (answer.ok) this.#learn(answer.value);
      else this.#o.log("services can't be resolved", answer.reason);
      if (!answer.ok) this.#leaveToHost(nodePorts);
      // It may be of before what was hinted at.
      if (hints !== this.#hints) this.#leases.doubt();
      if (!answer.ok) return false; // the next may take as long to fail, and what is known is to be held on to meanwhile
    }
    return true;
  }
  /** Nobody can say whose it is: what comes there meanwhile may be for a program of the host's own. */
  #leaveToHost(nodePorts: readonly NodePort[]): void {
    const unknown = nodePorts.filter((asked) => !this.isKnown(nodePortAddress(asked)));
    const leaseSeconds = SERVICE_ASK_LIMITS.absentSeconds;
    this.#leases.put(unknown.map((asked) => asServiceAnswer({ asked, found: null, leaseSeconds })));
  }
  #learn({ resolved, nodePorts = [], ranges }: ServiceResolveOutput): void {
    this.#leases.put([...resolved, ...nodePorts.map(asServiceAnswer)]);
    if (ranges.join() === this.#ranges.join()) return;
    this.#takeRanges(ranges);
    this.#toWrite = true;
    this.#o.kernel.setRanges(ranges);
  }

  #takeRanges(ranges: readonly string[]): void {
    this.#ranges = ranges;
    this.#prefixes = ranges.flatMap((text) => parsePrefix(text) ?? []);
  }

  /** What was connected to since the last look. */
  #lookAtUse(now: number): void {
    this.#usedAtMs = now + USE_MS;
    const opened = new Map(
      this.#o.kernel.serviceCounts().map((one) => [one.number, one.opened + one.refused]),
    );
    const layout = this.#layoutNow();
    for (const address of layout.addresses())
      for (const { number } of layout.portsOf(address))
        if (number > 0 && (opened.get(number) ?? 0n) !== (this.#opened.get(number) ?? 0n))
          this.#leases.use(address);
    this.#opened = opened;
  }

  #lookAtBackends(now: number): void {
    try {
      for (const address of this.#backends.look(this.#layoutNow(), now)) this.#leases.change(address);
    } catch (error) {
      this.#startOver(String(error));
    }
  }

  #keep(): void {
    if (!this.#toWrite) return;
    this.#toWrite = false;
    this.#o.file.write({ ranges: [...this.#ranges], known: this.#leases.found() });
  }
}
