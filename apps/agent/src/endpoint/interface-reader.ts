/**
 * The interfaces of pods as they were last read: again when the kernel says that they changed, and now and
 * then in any case, for what was not heard. Where the kernel says nothing, often while a pod is young.
 */
import type {
  Dataplane,
  InterfaceChange,
  InterfaceFacts,
  InterfaceFollower,
} from "../dataplane/dataplane.ts";

/** A young pod's interfaces may still be on their way in. */
const YOUNG_MS = 10_000;
const YOUNG_READ_MS = 200;
/** Where changes are told, and where they aren't. */
const TOLD_READ_MS = 30_000;
const UNTOLD_READ_MS = 5000;

type Known = { since: number; readAt: number; told: boolean; interfaces: InterfaceFacts[] };
const NEVER = Number.NEGATIVE_INFINITY;

export class InterfaceReader {
  readonly #dataplane: Dataplane;
  readonly #nowMs: () => number;
  readonly #known = new Map<bigint, Known>();
  readonly #host: Known = { since: NEVER, readAt: NEVER, told: false, interfaces: [] };
  #follower: InterfaceFollower | undefined;

  constructor(dataplane: Dataplane, nowMs: () => number) {
    this.#dataplane = dataplane;
    this.#nowMs = nowMs;
  }

  /** From now on `onChange` is called after changes; until then, and where that isn't possible, time decides. */
  listen(hostNetns: string, onChange: () => void): void {
    this.#follower = this.#dataplane.followInterfaces(hostNetns, (change) => {
      this.#outdate(change);
      onChange();
    });
    this.#host.told = this.#follower !== undefined;
  }
  close(): void {
    this.#follower?.close();
  }

  of(cookie: bigint): readonly InterfaceFacts[] {
    return this.#known.get(cookie)?.interfaces ?? [];
  }
  read(cookie: bigint, netns: string): readonly InterfaceFacts[] {
    const known = this.#known.get(cookie) ?? this.#meet(cookie, netns);
    return this.#refresh(known, netns);
  }
  /** Undefined when nothing can have changed. */
  readHost(netns: string): readonly InterfaceFacts[] | undefined {
    return this.#isDue(this.#host) ? this.#refresh(this.#host, netns) : undefined;
  }
  keepOnly(cookies: ReadonlySet<bigint | undefined>): void {
    for (const cookie of this.#known.keys())
      if (!cookies.has(cookie)) {
        this.#known.delete(cookie);
        this.#follower?.forget(cookie);
      }
  }

  /** Followed before it is read, so that no change falls in between. */
  #meet(cookie: bigint, netns: string): Known {
    const told = this.#follower?.follow(cookie, netns) ?? false;
    const known = { since: this.#nowMs(), readAt: NEVER, told, interfaces: [] };
    this.#known.set(cookie, known);
    return known;
  }
  #outdate(change: InterfaceChange): void {
    if (change === "host" || change === "anywhere") this.#host.readAt = NEVER;
    for (const [cookie, known] of this.#known)
      if (change === "anywhere" || change === cookie) known.readAt = NEVER;
  }
  #isDue({ since, readAt, told }: Known): boolean {
    const now = this.#nowMs();
    const untold = now - since < YOUNG_MS ? YOUNG_READ_MS : UNTOLD_READ_MS;
    return now - readAt >= (told ? TOLD_READ_MS : untold);
  }
  #refresh(known: Known, netns: string): readonly InterfaceFacts[] {
    if (!this.#isDue(known)) return known.interfaces;
    known.readAt = this.#nowMs();
    try {
      known.interfaces = this.#dataplane.interfaces(netns);
    } catch {
      // The namespace went; discovery will say so.
    }
    return known.interfaces;
  }
}
