/**
 * The two tcx hooks of each endpoint, pinned. First in the chain both ways: a program of somebody else that
 * ends the chain would hide packets from a later one, and ours always passes on.
 */
import fs from "node:fs";
import { type BpfLink, type BpfProgram, openPinnedLink } from "@millrace/native/native";
import type { AttachPoint } from "./dataplane.ts";
import type { Pins } from "./pins.ts";

const DIRECTIONS = ["egress", "ingress"] as const;
type Direction = (typeof DIRECTIONS)[number];
type Place = Pick<AttachPoint, "cookie" | "ifindex">;

export class Hooks {
  readonly #pins: Pins;
  readonly #programs: Record<Direction, BpfProgram>;
  readonly #links = new Map<string, BpfLink>();

  constructor(pins: Pins, programs: Record<Direction, BpfProgram>) {
    this.#pins = pins;
    this.#programs = programs;
  }
  /** By direction, for the list of programs. */
  count(direction: Direction): number {
    return [...this.#links.keys()].filter((file) => file.endsWith(`-${direction}`)).length;
  }

  attach(point: AttachPoint): void {
    for (const direction of DIRECTIONS) {
      const file = this.#pins.hook(point, direction);
      if (this.#links.has(file)) continue;
      this.#links.set(file, this.#adopt(file, point, direction) ?? this.#make(file, point, direction));
    }
  }

  detach(place: Place): void {
    for (const direction of DIRECTIONS) this.#end(this.#pins.hook(place, direction));
  }

  /** Pins that no endpoint of ours stands for: of interfaces that went while no agent ran. */
  removeOthers(known: readonly Place[]): void {
    const kept = new Set(known.flatMap((place) => DIRECTIONS.map((d) => this.#pins.hook(place, d))));
    for (const file of this.#pins.hooks()) if (!kept.has(file)) this.#end(file);
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #adopt(file: string, point: AttachPoint, direction: Direction): BpfLink | undefined {
    if (!fs.existsSync(file)) return undefined;
    const link = openPinnedLink(file);
    if (link.info().ifindex === point.ifindex) {
      link.update(this.#programs[direction]);
      return link;
    }
    link.close();
    this.#pins.remove(file);
    return undefined;
  }

  #make(file: string, point: AttachPoint, direction: Direction): BpfLink {
    const { ifindex, netns } = point;
    const link = this.#programs[direction].attach({
      ...{ kind: "tcx", ifindex, direction, netns, position: "first" },
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
    const link = this.#links.get(file) ?? (fs.existsSync(file) ? openPinnedLink(file) : undefined);
    this.#links.delete(file);
    if (!link) return;
    this.#pins.remove(file);
    link.close();
  }
}
