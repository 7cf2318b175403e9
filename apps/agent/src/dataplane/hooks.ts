/** The two hooks of each endpoint: on its own interface, or at the host's end of its link, where what it sends comes in. */
import type { BpfLink, BpfProgram } from "@millrace/native/native";
import type { AttachPoint, EndpointPlace } from "./dataplane.ts";
import { type AttachAt, endHook, takeHook } from "./device-hook.ts";
import type { Pins } from "./pins.ts";

/** Of the endpoint. */
const DIRECTIONS = ["egress", "ingress"] as const;
type Direction = (typeof DIRECTIONS)[number];
const OPPOSITE = { egress: "ingress", ingress: "egress" } as const;
type Kind = "own" | "port";
const PROGRAMS = {
  own: { egress: "endpoint_egress", ingress: "endpoint_ingress" },
  port: { egress: "pod_egress", ingress: "pod_ingress" },
} as const satisfies Record<Kind, Record<Direction, string>>;

export class Hooks {
  readonly #pins: Pins;
  readonly #program: (name: string) => BpfProgram;
  readonly attachAt: AttachAt;
  readonly #links = new Map<string, { link: BpfLink; kind: Kind }>();

  constructor(pins: Pins, program: (name: string) => BpfProgram, attachAt: AttachAt) {
    this.#pins = pins;
    this.#program = program;
    this.attachAt = attachAt;
  }
  /** By direction, for the list of programs. */
  count(direction: Direction): { own: number; port: number } {
    const all = [...this.#links].filter(([file]) => file.endsWith(`-${direction}`));
    const port = all.filter(([, { kind }]) => kind === "port").length;
    return { own: all.length - port, port };
  }

  attach(point: AttachPoint): void {
    for (const direction of DIRECTIONS) {
      const file = this.#file(point, direction);
      if (this.#links.has(file)) continue;
      const link = this.#take(file, point, direction);
      this.#links.set(file, { link, kind: point.port ? "port" : "own" });
    }
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
