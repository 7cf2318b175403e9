/**
 * The hooks of each endpoint: on its own interface, or at the host's end of its link, where what it sends comes in. Of a netkit
 * pair that is the peer's program; what the host sends is judged where it leaves by the primary, in the host's namespace,
 * from where it can go up to the agent.
 */
import { type BpfLink, type BpfProgram, links } from "@millrace/native/native";
import { type AttachAt, endHook, mendHook, takeHook } from "./device-hook.ts";
import type { Pins } from "./pins.ts";
import type { AttachPoint, EndpointPlace, MendedHooks } from "./place.ts";

/** By direction of the endpoint, and last what opens a netkit pair, which is shut by itself. */
const HOOKS = ["egress", "ingress", "entry"] as const;
type Hook = (typeof HOOKS)[number];
export type HookedKind = "own" | "veth" | "netkit";
const PROGRAMS: Record<HookedKind, Partial<Record<Hook, string>>> = {
  own: { egress: "endpoint_egress", ingress: "endpoint_ingress" },
  veth: { egress: "pod_egress", ingress: "pod_ingress" },
  netkit: { egress: "pod_egress_netkit", ingress: "pod_ingress", entry: "pod_entry_netkit" },
};

type At = { kind: HookedKind; hook: Hook; program: string; point: AttachPoint };
type Held = At & { link: BpfLink };

/** As the kernel has it, which outlives whatever was decided when the link was made. */
export function hookedKind({ port, netns }: AttachPoint): HookedKind {
  if (!port) return "own";
  return links(netns).find(({ ifindex }) => ifindex === port.ifindex)?.kind === "netkit" ? "netkit" : "veth";
}

export class Hooks {
  readonly #pins: Pins;
  readonly #program: (name: string) => BpfProgram;
  readonly attachAt: AttachAt;
  readonly #links = new Map<string, Held>();

  constructor(pins: Pins, program: (name: string) => BpfProgram, attachAt: AttachAt) {
    this.#pins = pins;
    this.#program = program;
    this.attachAt = attachAt;
  }
  /** How often each program is attached. */
  counts(): Record<string, number> {
    const names = [...this.#links.values()].map(({ program }) => program);
    const all = Object.values(PROGRAMS).flatMap((ways) => Object.values(ways));
    return Object.fromEntries(all.map((name) => [name, names.filter((one) => one === name).length]));
  }

  attach(point: AttachPoint, kind: HookedKind): void {
    for (const hook of HOOKS) {
      const program = PROGRAMS[kind][hook];
      const file = this.#file(point, hook);
      if (!program || this.#links.has(file)) continue;
      const at = { kind, hook, program, point };
      this.#links.set(file, { ...at, link: this.#take(file, at) });
    }
  }

  /** Puts on again what somebody took off; what came of it is added to the report. */
  mend(report: MendedHooks): MendedHooks {
    for (const [file, held] of this.#links) {
      const name = `${held.hook} of endpoint ${held.point.endpointId}`;
      const link = mendHook(held.link, () => this.#take(file, held), name, report);
      if (link) this.#links.set(file, { ...held, link });
    }
    return report;
  }

  detach(place: EndpointPlace): void {
    for (const hook of HOOKS) this.#end(this.#file(place, hook));
  }

  /** Pins that no endpoint of ours stands for: of interfaces that went while no agent ran. */
  removeOthers(known: readonly EndpointPlace[]): void {
    const kept = new Set(known.flatMap((place) => HOOKS.map((hook) => this.#file(place, hook))));
    for (const file of this.#pins.hooks()) if (!kept.has(file)) this.#end(file);
  }

  /** No program of an earlier life runs any more where an endpoint is. */
  areAllTaken(): boolean {
    return this.#pins.hooks().every((file) => this.#links.has(file));
  }

  close(): void {
    for (const { link } of this.#links.values()) link.close();
    this.#links.clear();
  }

  #file({ port, ...own }: EndpointPlace, hook: Hook): string {
    return this.#pins.hook(port ?? own, hook);
  }

  #take(file: string, { kind, hook, program: name, point }: At): BpfLink {
    const { port, ...own } = point;
    const device = { ifindex: (port ?? own).ifindex, netns: own.netns };
    const program = this.#program(name);
    if (kind === "netkit" && hook === "egress")
      return takeHook(file, program, { kind, end: "peer", position: "first", ...device }, own.ifindex);
    if (kind === "netkit" && hook === "entry")
      return takeHook(file, program, { kind, end: "primary", position: "first", ...device });
    const inward = (hook === "ingress") === (kind === "own");
    return takeHook(file, program, this.attachAt({ ...device, direction: inward ? "ingress" : "egress" }));
  }

  #end(file: string): void {
    const link = this.#links.get(file)?.link;
    this.#links.delete(file);
    endHook(file, link);
  }
}
