/**
 * What outlives the agent: a directory in a bpffs, in it one directory per generation of maps. A generation's
 * name says of which layouts and sizes its maps were made. Holds no handles.
 */
import fs from "node:fs";
import path from "node:path";
import { endHook } from "./device-hook.ts";

const BPFFS_MAGIC = 0xcafe4a11;
const REPORTED = "reported";
const LEFT = "left";
const TOLD = "told";
const MOVED_INTO = "moved-into";
const MOUNT_POINT = "/sys/fs/bpf";

/** Where a bpffs has to be mounted for this directory to be in one; undefined when it already is. */
export function missingMount(directory: string): string | undefined {
  let existing = path.resolve(directory);
  while (!fs.existsSync(existing)) existing = path.dirname(existing);
  if (fs.statfsSync(existing).type === BPFFS_MAGIC) return undefined;
  const inside = path.resolve(directory).startsWith(`${MOUNT_POINT}/`);
  return inside ? MOUNT_POINT : path.resolve(directory);
}

const GENERATION = /^[0-9a-f]{12}-\d+-[0-9a-f]{8}$/;

/** `flows` must agree for a later life to adopt it; whether another `layout` fits, the maps' types tell. `unique` tells lives apart. */
export const generationName = (layout: string, flows: number, unique: string): string =>
  `${layout}-${flows}-${unique}`;

/** A generation that was given up. It stays where it is, and counts, until somebody has had a last look at it. */
export type LeftPins = {
  generation: string;
  directory: string;
  why: string;
  reported: boolean;
  told: boolean;
};

export class Pins {
  readonly directory: string;
  #generation = "";
  readonly left: LeftPins[] = [];

  constructor(directory: string) {
    this.directory = directory;
  }
  get generation(): string {
    return this.#generation;
  }

  /**
   * Takes up `known`, else one of which nothing was reported yet, of our own layouts rather, if it is there and may fit;
   * leaves every other generation. What else is in the directory belongs to somebody else.
   */
  choose(known: string | undefined, fits: { layout: string; flows: number }, unique: string): boolean {
    fs.mkdirSync(this.directory, { recursive: true });
    const present = this.#generations().filter((name) => !this.left.some((l) => l.generation === name));
    const fitting = present.filter((name) => Number(name.split("-")[1]) === fits.flows);
    const fresh = fitting.filter((name) => this.#isFresh(name));
    const usable =
      fitting.find((name) => name === known) ??
      fresh.find((name) => name.startsWith(fits.layout)) ??
      fresh[0];
    this.#generation = usable ?? generationName(fits.layout, fits.flows, unique);
    for (const name of present)
      if (name !== this.#generation) this.#leave(name, whyLeft(name, fits.flows, this.#isReported(name)));
    return usable !== undefined;
  }
  /** Whether the generation's maps were made of these layouts, and none was moved into another since. */
  isOf(layout: string): boolean {
    const mixed = path.join(this.directory, this.#generation, MOVED_INTO);
    return this.#generation.startsWith(`${layout}-`) && !fs.existsSync(mixed);
  }
  #leave(generation: string, why: string): void {
    const directory = path.join(this.directory, generation);
    fs.mkdirSync(path.join(directory, LEFT), { recursive: true });
    const told = fs.existsSync(path.join(directory, TOLD));
    this.left.push({ generation, directory, why, reported: this.#isReported(generation), told });
  }
  /** Of which nobody has told yet what they had counted. */
  untold(): LeftPins[] {
    return this.left.filter(({ told }) => !told);
  }
  /** Those that were told of. */
  removeLeft(): void {
    for (const one of this.left.filter(({ told }) => told)) {
      removeGeneration(one.directory);
      this.left.splice(this.left.indexOf(one), 1);
    }
  }
  /** A bpffs holds no files of ours, but directories. */
  markReported(): void {
    fs.mkdirSync(path.join(this.directory, this.#generation, REPORTED), { recursive: true });
    for (const one of this.left) {
      fs.mkdirSync(path.join(one.directory, TOLD), { recursive: true });
      one.told = true;
    }
  }
  #isReported(generation: string): boolean {
    return fs.existsSync(path.join(this.directory, generation, REPORTED));
  }
  /** Whoever left it may have told already what it counted. */
  #isFresh(generation: string): boolean {
    return !this.#isReported(generation) && !fs.existsSync(path.join(this.directory, generation, LEFT));
  }

  map(name: string): string {
    return this.#in("maps", name);
  }
  /** Another version's map, in whose place there is one of ours: until nothing counts into it any more. */
  moved(name: string): string {
    return this.#in("moved", name);
  }
  /** Ours comes into its place, and it goes to those that were moved. */
  move(name: string, pinAs: (file: string) => void): void {
    const fresh = this.#in("fresh", name);
    fs.mkdirSync(path.join(this.directory, this.#generation, MOVED_INTO), { recursive: true });
    pinAs(fresh);
    fs.renameSync(this.map(name), this.moved(name));
    fs.renameSync(fresh, this.map(name));
  }
  /** After a killed life: what it was about to move is where it was. The names of what it had moved, and did not finish. */
  mendMoves(): string[] {
    for (const file of this.#list("fresh")) fs.rmSync(file);
    const moved = this.#list("moved").map((file) => path.basename(file));
    const halfway = moved.filter((name) => !fs.existsSync(this.map(name)));
    for (const name of halfway) fs.renameSync(this.moved(name), this.map(name));
    return moved.filter((name) => !halfway.includes(name));
  }
  hook(point: { cookie: bigint; ifindex: number }, direction: string): string {
    return this.#in("hooks", `${point.cookie}-${point.ifindex}-${direction}`);
  }
  /** Of a program attached once for the machine; `version` changes with the program. */
  program(name: string, version: string): string {
    return this.#in("programs", `${name}-${version}`);
  }
  /** Of a program that looks after services. */
  service(program: string): string {
    return this.#in("services", program);
  }
  services(): string[] {
    return this.#list("services");
  }
  uplink(ifindex: number): string {
    return this.#in("uplinks", String(ifindex));
  }
  uplinks(): string[] {
    return this.#list("uplinks");
  }
  hooks(): string[] {
    return this.#list("hooks");
  }
  programs(): string[] {
    return this.#list("programs");
  }
  remove(file: string): void {
    fs.rmSync(file, { force: true });
  }
  /** Maps that seemed to fit until each was looked at. */
  giveUp(misfit: Error): void {
    this.#leave(this.#generation, `maps ${this.#generation}: ${misfit.message}`);
  }
  /** What to say of an error that gives up nothing. */
  kept(error: Error): Error {
    const where = path.join(this.directory, this.#generation);
    error.message = `the programs can't be loaded over the maps in ${where}, which stay: ${error.message}`;
    return error;
  }
  /** The generations, and the directory when nothing else is in it. */
  removeAll(): void {
    for (const name of this.#generations()) removeGeneration(path.join(this.directory, name));
    if (fs.existsSync(this.directory) && fs.readdirSync(this.directory).length === 0)
      fs.rmdirSync(this.directory);
  }
  #generations(): string[] {
    if (!fs.existsSync(this.directory)) return [];
    return fs.readdirSync(this.directory).filter((name) => GENERATION.test(name));
  }

  #in(kind: string, name: string): string {
    const directory = path.join(this.directory, this.#generation, kind);
    fs.mkdirSync(directory, { recursive: true });
    return path.join(directory, name);
  }
  #list(kind: string): string[] {
    return filesIn(path.join(this.directory, this.#generation, kind));
  }
}

/** Of a hook's file. */
export const isInNamespace = (file: string, cookie: bigint): boolean =>
  path.basename(file).startsWith(`${cookie}-`);

/** A link ends with its pin; what stands for one where there is no tcx must be told. */
function removeGeneration(directory: string): void {
  const problems: string[] = [];
  for (const file of ["hooks", "uplinks"].flatMap((kind) => filesIn(path.join(directory, kind))))
    try {
      endHook(file);
    } catch (error) {
      problems.push(`${file}: ${(error as Error).message}`);
    }
  fs.rmSync(directory, { recursive: true, force: true });
  if (problems.length > 0)
    throw new Error(`what is pinned could not all be detached: ${problems.join("; ")}`);
}

export const filesIn = (directory: string): string[] =>
  fs.existsSync(directory) ? fs.readdirSync(directory).map((name) => path.join(directory, name)) : [];

function whyLeft(name: string, configured: number, reported: boolean): string {
  const flows = Number(name.split("-")[1]);
  if (flows !== configured)
    return `maps ${name} have a flow table of ${flows} entries, ${configured} are configured`;
  if (!reported) return `maps ${name} are of a life that stored nothing`;
  return `what was reported of maps ${name} is not known here`;
}
