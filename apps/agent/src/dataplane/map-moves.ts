/**
 * Maps of another layout, taken up all the same: ours begin with what theirs hold, and get what theirs went on to count while
 * the programs were replaced one by one. Which maps those are is said when they are pinned; when the last program is replaced, its owner says.
 */
import { BpfError, type BpfMap, type BpfProgram, rcuBarrier } from "@millrace/native/native";
import { Carried } from "./carried.ts";
import type { LeftBehind, MoveLosses } from "./dataplane.ts";
import { recountHolders } from "./flow-holders.ts";
import { keysOf, type MapMove, type Rows } from "./map-move.ts";
import type { Pins } from "./pins.ts";

/** Those that programs write: of the others all is said by the agent. */
const WRITTEN_BY_PROGRAMS = ["translations", "relays", "service_affinities"];

type Begun = { move: MapMove; first: Rows };
type Kernel = { map: (name: string) => BpfMap; program: (name: string) => BpfProgram };

export class MapMoves {
  readonly #kernel: Kernel;
  readonly #pins: Pins;
  readonly #carried: Carried;
  readonly #maps = new Map<string, BpfMap>();
  #begun: Begun[] = [];
  readonly #failed: string[] = [];

  constructor(kernel: Kernel, pins: Pins) {
    this.#kernel = kernel;
    this.#pins = pins;
    this.#carried = new Carried({ map: (name) => this.#map(name), program: kernel.program });
  }

  /** After the load: `moves` by the names of our maps, which hold nothing yet. */
  begin(moves: readonly MapMove[]): void {
    for (const move of moves) {
      const to = this.#map(move.name);
      const first = move.read(to);
      this.#fill(move.name, to, first);
      this.#pins.move(move.name, (file) => to.pin(file));
      this.#begun.push({ move, first });
    }
  }

  get isPending(): boolean {
    return this.#begun.length > 0;
  }

  /**
   * When no program of the other version runs any more. Each map's turn comes once. One that fails keeps no other
   * from its own, and its pin stays, by which the next life puts right what it can.
   */
  finish(): void {
    rcuBarrier();
    const names = this.#begun.map(({ move }) => move.name);
    for (let one = this.#begun.shift(); one; one = this.#begun.shift()) this.#finishOne(one, names);
    this.close();
  }
  #finishOne({ move, first }: Begun, names: readonly string[]): void {
    try {
      this.#follow(move.name, { first, last: move.read(this.#map(move.name)) }, names);
      this.#pins.remove(this.#pins.moved(move.name));
    } catch (error) {
      this.#failed.push(`map ${move.name}, moved into another layout: ${(error as Error).message}`);
    } finally {
      move.close();
    }
  }

  /** What the other version's programs counted, and is in none of ours; `unknown`: why there may be more. */
  losses(): MoveLosses {
    return { ...this.#carried.lost, unknown: this.#failed };
  }

  close(): void {
    for (const { move } of this.#begun) move.close();
    this.#begun = [];
    for (const map of this.#maps.values()) map.close();
    this.#maps.clear();
  }

  #map(name: string): BpfMap {
    const map = this.#maps.get(name) ?? this.#kernel.map(name);
    this.#maps.set(name, map);
    return map;
  }

  #fill(name: string, to: BpfMap, { count, keys, values }: Rows): void {
    if (name === "flows") this.#carried.openFlows({ count, keys, values });
    else if (count > 0) to.updateBatch(keys, values, count, "any");
  }

  #follow(name: string, { first, last }: Record<"first" | "last", Rows>, names: readonly string[]): void {
    if (name === "flows") this.#carried.addFlows(first, last, !names.includes("endpoints"));
    else if (name === "endpoints") this.#carried.addEndpoints(first, last);
    else if (WRITTEN_BY_PROGRAMS.includes(name)) this.#create(name, first, last);
  }

  /** What came there meanwhile, unless it has come here too. */
  #create(name: string, first: Rows, last: Rows): void {
    const to = this.#map(name);
    const known = new Set(keysOf(first, to.keySize));
    keysOf(last, to.keySize).forEach((key, n) => {
      if (known.has(key)) return;
      const value = last.values.subarray(n * to.stride, (n + 1) * to.stride);
      try {
        to.update(Buffer.from(key, "latin1"), value, "create");
      } catch (error) {
        if (!(error instanceof BpfError && ["EEXIST", "E2BIG"].includes(error.code))) throw error;
      }
    });
  }
}

/** Of maps that a killed life had moved, and did not finish with: what the other version's programs went on to count goes with them. */
export function endMoves(maps: readonly string[], pins: Pins, map: (name: string) => BpfMap): LeftBehind[] {
  if (maps.length === 0) return [];
  for (const name of maps) pins.remove(pins.moved(name));
  recountHolders(map);
  const why = `an agent was cut off while it moved ${maps.join(", ")} into other layouts: what was counted there meanwhile is unknown`;
  return [{ generation: `${pins.generation} before`, reported: true, totals: undefined, why }];
}
