/** The two hooks of each endpoint: on its own interface, or at the host's end of its link, where what it sends comes in. */
import type { BpfLink, BpfProgram } from "@millrace/native/native";
import { type AttachAt, endHook, mendHook, takeHook } from "./device-hook.ts";
import type { Pins } from "./pins.ts";
import type { AttachPoint, EndpointPlace, MendedHooks } from "./place.ts";

/** Of the endpoint. */
const DIRECTIONS = ["egress", "ingress"] as const;
type Direction = (typeof DIRECTIONS)[number];
const OPPOSITE = { egress: "ingress", ingress: "egress" } as const;
type Kind = "own" | "port";
const PROGRAMS = {
  own: { egress: "endpoint_egress", ingress: "endpoint_ingress" },
  port: { egress: "pod_egress", ingress: "pod_ingress" },
} as const satisfies Record<Kind, Record<Direction, string>>;

type Held = { link: BpfLink; kind: Kind; point: AttachPoint; direction: Direction };

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
    const names = [...this.#links.values()].map(({ kind, direction }) => PROGRAMS[kind][direction]);
    const all = Object.values(PROGRAMS).flatMap((ways) => Object.values(ways));
    return Object.fromEntries(all.map((name) => [name, names.filter((one) => one === name).length]));
  }

  attach(point: AttachPoint): void {
    for (const direction of DIRECTIONS) {
      const file = this.#file(point, direction);
      if (this.#links.has(file)) continue;
      const link = this.#take(file, point, direction);
      this.#links.set(file, { link, kind: point.port ? "port" : "own", point, direction });
    }
  }

  /** Puts on again what somebody took off; what came of it is added to the report. */
  mend(report: MendedHooks): MendedHooks {
    for (const [file, held] of this.#links) {
      const name = `${held.direction} of endpoint ${held.point.endpointId}`;
      const link = mendHook(held.link, () => this.#take(file, held.point, held.direction), name, report);
      if (link) this.#links.set(file, { ...held, link });
    }
    return report;
  }

  detach(place: EndpointPlace): void {
    for (const direction of DIRECTIONS) this.#end(this.#file(place, direction));
  }

  /** Pins that no endpoint of ours stands for: of interfaces that went while no agent ran. */
  removeOthers(known: readonly EndpointPlace[]): void {
    const kept = new Set(known.flatMap((place) => DIRECTIONS.map((d) => this.#file(place, d))));
    for (const file of this.#pins.hooks()) if (!kept.has(file)) this.#end(file);
  }

  close(): void {
    for (const { link } of this.#links.values()) link.close();
    this.#links.clear();
  }

  #file({ port, ...own }: EndpointPlace, direction: Direction): string {
    return this.#pins.hook(port ?? own, direction);
  }

  #take(file: string, { port, ...own }: AttachPoint, direction: Direction): BpfLink {
    const side = {
      ...{ ifindex: (port ?? own).ifindex, netns: own.netns },
      direction: port ? OPPOSITE[direction] : direction,
    };
    const program = this.#program(PROGRAMS[port ? "port" : "own"][direction]);
    return takeHook(file, program, this.attachAt(side));
  }

  #end(file: string): void {
    const link = this.#links.get(file)?.link;
    this.#links.delete(file);
    endHook(file, link);
  }
}
