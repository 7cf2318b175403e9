/**
 * The observer's object file: opened, configured, loaded over pinned maps, and its machine-wide programs
 * attached. What it counts is read elsewhere.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import type { Capability } from "@millrace/contract/agent-protocol";
import {
  type Attach,
  type BpfLink,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  type BtfTypes,
  type MapSummary,
  openObject,
  openPinnedLink,
  openPinnedMap,
} from "@millrace/native/native";
import { MapMove } from "./map-move.ts";
import { MapMoves } from "./map-moves.ts";
import { differenceOf, type MapStructs, structsOfMaps } from "./map-types.ts";
import type { Pins } from "./pins.ts";
import { cgroup2Mount, isCapable } from "./probe.ts";

export const LAYOUT = ABI_HASH.toString(16).padStart(16, "0").slice(0, 12);
const PROGRAMS_NEED: Record<string, readonly string[]> = {
  pod_egress_netkit: ["netkit"],
  pod_entry_netkit: ["netkit"],
  packet_dropped: ["tracing"],
  packet_dropped_entry: ["tracing"],
  tcp_retransmit: ["tracing"],
  tcp_retransmit_entry: ["tracing"],
  tcp_retransmit_answer: ["tracing"],
  tcp_retransmit_answer_entry: ["tracing"],
  tcp_state_changed: ["tracing"],
  tcp_sockops: ["sockops", "cgroup_link", "cgroup2"],
  tcp_sockets: ["iter"],
  service_connection_moved: ["tracing"],
  service_connection_moved_entry: ["tracing"],
};
/**
 * Attached for the whole machine; they look only at namespaces the agent names. Those that add to counters
 * are called through an entry that stays, by a slot that holds the version in use: see lib/entry.h.
 */
const CALLED = {
  packet_dropped: "packet_dropped_now",
  tcp_retransmit: "retransmit_now",
  tcp_retransmit_answer: "retransmit_answer_now",
} as const;
const MACHINE_WIDE = ["tcp_state_changed"];
const ENTRY_VERSION = "entry";
const entryOf = (program: string): string => `${program}_entry`;

export type ObserveOptions = {
  file: string;
  flows: number;
  /** Of these, as many as one endpoint may hold. */
  flowBudget: number;
  capabilities: readonly Capability[];
  /** Maps that are pinned already are taken up. */
  adopts: boolean;
  /** Tests only: makes the kernel lose updates, which conservation must notice. */
  breakCounter?: boolean;
};

/** What is pinned has another layout than this object needs: only this is a reason to give pinned maps up. */
export class MapMisfit extends Error {}
const SHAPE = ["type", "keySize", "valueSize", "maxEntries"] as const;
/** What programs keep there is of the packet before them, or a counter since they began: another version has its own. */
const OF_ONE_PACKET = "percpu_array";
/** Between the agent and a program that it runs, for as long as that takes. */
const OF_ONE_RUN = ["retire_batch", "flow_changes", "service_answers"];
/** Without these there is nothing to take up. */
const COUNTED = ["flows", "endpoints", "endpoint_slots"];

export class ObserveObject {
  readonly object: BpfObject;
  readonly #capabilities: readonly Capability[];
  readonly #version: string;
  readonly #files: string[] = [];
  /** Of the maps, when those that are pinned were made of other layouts. */
  #types: BtfTypes | undefined;
  readonly moves: MapMoves;
  readonly links = new Map<string, BpfLink>();
  readonly programs = new Map<string, BpfProgram>();

  constructor(options: ObserveOptions, pins: Pins) {
    this.#capabilities = options.capabilities;
    const bytes = fs.readFileSync(options.file);
    this.#version = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    this.object = openObject(bytes, { name: "observe" });
    this.object.setRodata(".rodata", "observe_config", configBytes(options));
    for (const name of ["flows", "translations"]) this.object.setMaxEntries(name, options.flows);
    if (options.adopts && !pins.isOf(LAYOUT)) this.#types = this.object.btf().typeJson();
    if (options.adopts) for (const name of COUNTED) this.#mustBeThere(name, pins.map(name));
    const moves = this.object
      .maps()
      .flatMap((map) => (isOurs(map.name) ? (this.#pinMap(map, pins.map(map.name)) ?? []) : []));
    for (const name of this.object.programs()) this.object.setAutoload(name, this.can(name));
    this.object.load();
    for (const name of this.object.programs())
      if (this.can(name)) this.programs.set(name, this.object.program(name));
    this.#checkLayouts();
    const kernel = {
      map: (name: string) => this.object.map(name),
      program: (name: string) => this.program(name),
    };
    this.moves = new MapMoves(kernel, pins);
    try {
      this.moves.begin(moves);
    } catch (error) {
      this.#misfit(`they can't be moved: ${(error as Error).message}`);
    }
  }

  can(program: string): boolean {
    return (PROGRAMS_NEED[program] ?? (isOfServices(program) ? ["cgroup_link", "cgroup2"] : [])).every(
      (name) => isCapable(this.#capabilities, name),
    );
  }
  program(name: string): BpfProgram {
    const program = this.programs.get(name);
    if (!program) throw new Error(`the program ${name} is not loaded: this kernel can't run it`);
    return program;
  }

  /**
   * race: what is pinned of the same object stays as it is. Of another object the new program is attached
   * before the old one goes; those attached so only set what both would set.
   */
  attachMachineWide(pins: Pins): void {
    for (const [name, slot] of Object.entries(CALLED)) if (this.can(name)) this.#call(pins, name, slot);
    for (const name of MACHINE_WIDE) if (this.can(name)) this.#attach(pins, name, { kind: "tracing" });
    const cgroup = cgroup2Mount();
    if (cgroup && this.can("tcp_sockops"))
      this.#attach(pins, "tcp_sockops", { kind: "cgroup", path: cgroup });
    const current = new Set(this.#files);
    for (const file of pins.programs()) if (!current.has(file)) pins.remove(file);
  }

  close(): void {
    this.moves.close();
    for (const link of this.links.values()) link.close();
    for (const program of this.programs.values()) program.close();
    this.object.close();
  }

  /** What another version left there, where it has another layout: it is moved into ours. */
  #pinMap(declared: MapSummary, file: string): MapMove | undefined {
    const problems = fs.existsSync(file) ? this.#problemsOf(declared, file) : [];
    if (problems.length > 0 && !isPassing(declared)) return this.#move(declared, file, problems);
    if (problems.length > 0) fs.rmSync(file);
    this.object.pinMap(declared.name, file);
    return undefined;
  }
  #move(declared: MapSummary, file: string, problems: readonly string[]): MapMove {
    const pinned = openPinnedMap(file);
    try {
      const view = pinned.btf();
      const types = view?.typeJson();
      view?.close();
      if (!types) throw new Error("it brings no types along");
      this.#types ??= this.object.btf().typeJson();
      const both = { pinned: types, declared: this.#types };
      return new MapMove(pinned, declared, this.#structsOf(declared.name), both);
    } catch (error) {
      pinned.close();
      return this.#misfit(
        `map ${declared.name}: ${problems.join("; ")}; it can't be moved: ${(error as Error).message}`,
      );
    }
  }
  #structsOf(name: string): MapStructs {
    return (this.#types && structsOfMaps(this.#types).get(name)) ?? {};
  }
  /** libbpf would refuse it too, with an error that says as much as any other. */
  #problemsOf(declared: MapSummary, file: string): string[] {
    const pinned = openPinnedMap(file);
    const differs = SHAPE.filter((part) => pinned[part] !== declared[part]);
    const problems = differs.map((part) => `${part} ${pinned[part]}, wanted ${declared[part]}`);
    if (problems.length === 0) problems.push(...this.#otherTypes(pinned, declared.name));
    pinned.close();
    return problems;
  }
  #otherTypes(pinned: BpfMap, name: string): string[] {
    const declared = this.#types;
    const structs = Object.values(this.#structsOf(name));
    if (!declared || structs.length === 0) return [];
    const view = pinned.btf();
    const types = view?.typeJson();
    view?.close();
    if (!types) return ["it brings no types along"];
    return structs.flatMap((struct) => differenceOf(struct, types, declared) ?? []);
  }
  #mustBeThere(name: string, file: string): void {
    if (!fs.existsSync(file)) this.#misfit(`map ${name} isn't there`);
  }
  #misfit(why: string): never {
    this.object.close();
    throw new MapMisfit(why);
  }

  /** From this store on, the entry calls this object's program and no other. */
  #call(pins: Pins, name: string, slot: string): void {
    const map = this.object.map(slot);
    map.setProgram(0, this.program(name));
    map.close();
    const file = pins.program(entryOf(name), ENTRY_VERSION);
    this.links.set(name, this.#pinned(file, entryOf(name), { kind: "tracing" }));
  }

  #attach(pins: Pins, name: string, attach: Attach): void {
    this.links.set(name, this.#pinned(pins.program(name, this.#version), name, attach));
  }

  #pinned(file: string, program: string, attach: Attach): BpfLink {
    this.#files.push(file);
    if (fs.existsSync(file)) return openPinnedLink(file);
    const link = this.program(program).attach(attach);
    link.pin(file);
    return link;
  }

  #checkLayouts(): void {
    const { retval } = this.program("abi_matches").testRun({});
    if (retval !== 1)
      throw new Error("the BPF object was built from other layouts than this agent: build both anew");
  }
}

/** Holds nothing that a later version needs. */
const isPassing = ({ type, name }: MapSummary): boolean =>
  (type === OF_ONE_PACKET && !COUNTED.includes(name)) || OF_ONE_RUN.includes(name);
const isOfServices = (program: string): boolean => program.startsWith("service_");

/** Not the object's own constants and variables. */
const isOurs = (map: string): boolean => !map.includes(".");

function configBytes({ breakCounter, flowBudget, capabilities }: ObserveOptions): Uint8Array {
  const bytes = new Uint8Array(OBSERVE_CONFIG_SIZE);
  const netkit = isCapable(capabilities, "netkit") ? 1 : 0;
  const config = { abiHash: ABI_HASH, breakCounter: breakCounter ? 1 : 0, flowBudget, netkit };
  encodeObserveConfig(config, new DataView(bytes.buffer));
  return bytes;
}
