/**
 * The two tcx hooks of each endpoint, pinned: on its own interface, or at the host's end of its link, where what it
 * sends comes in. First in the chain both ways: a program of somebody else that ends the chain would hide packets from
 * a later one, and an observer's always passes on.
 */
import fs from "node:fs";
import { type BpfLink, type BpfProgram, openPinnedLink } from "@millrace/native/native";
import type { AttachPoint, EndpointPlace } from "./dataplane.ts";
import type { Pins } from "./pins.ts";

/** Of the endpoint. */
const DIRECTIONS = ["egress", "ingress"] as const;
type Direction = (typeof DIRECTIONS)[number];
const OPPOSITE = { egress: "ingress", ingress: "egress" } as const;
type Kind = "own" | "port";
export type HookPrograms = Record<Kind, Record<Direction, BpfProgram>>;

export class Hooks {
  readonly #pins: Pins;
  readonly #programs: HookPrograms;
  readonly #links = new Map<string, { link: BpfLink; kind: Kind }>();

  constructor(pins: Pins, programs: HookPrograms) {
    this.#pins = pins;
    this.#programs = programs;
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
      const link = this.#adopt(file, point, direction) ?? this.#make(file, point, direction);
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
  #adopt(file: string, point: AttachPoint, direction: Direction): BpfLink | undefined {
    if (!fs.existsSync(file)) return undefined;
    const link = openPinnedLink(file);
    if (link.info().ifindex === (point.port ?? point).ifindex) {
      link.update(this.#programs[point.port ? "port" : "own"][direction]);
      return link;
    }
    link.close();
    this.#pins.remove(file);
    return undefined;
  }

  #make(file: string, point: AttachPoint, direction: Direction): BpfLink {
    const { port, netns } = point;
    const link = this.#programs[port ? "port" : "own"][direction].attach({
      ...{ kind: "tcx", ifindex: (port ?? point).ifindex, netns, position: "first" },
      direction: port ? OPPOSITE[direction] : direction,
    });
    try {
      link.pin(file);
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  /** Detached at once, also when somebody else holds the link. */
  #end(file: string): void {
    const link = this.#links.get(file)?.link ?? (fs.existsSync(file) ? openPinnedLink(file) : undefined);
    this.#links.delete(file);
    if (!link) return;
    this.#pins.remove(file);
    link.close();
  }
}
