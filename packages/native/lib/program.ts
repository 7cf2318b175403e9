// A loaded program: its facts, attaching it, running it on test input, reading what an iterator program writes.
import * as args from "./args.ts";
import { type Attach, checkAttach } from "./attach.ts";
import { binding, type NativeProgram, native, type ProgramInfo, type TestRunResult } from "./binding.ts";
import { BpfLink } from "./link.ts";

const MAX_ITERATE_BYTES = 64 << 20;
const MAX_BYTES = 0x7fffffff;
// A test run copies at most a page or a jumbo frame; room for what a program may put in front.
const DATA_OUT_EXTRA = 256;

export interface TestRunOptions {
  data?: Uint8Array;
  ctx?: Uint8Array;
  repeat?: number;
  /** Room for the packet afterwards; by default the input's size and 256. */
  dataOutSize?: number;
  /** Run inside this namespace: look-ups of devices, routes and sockets go there. */
  netns?: string;
  flags?: number;
  /** Run on this CPU: which slot of per-CPU maps is written. */
  cpu?: number;
}

export interface RunCounters {
  runCount: bigint;
  runTimeNs: bigint;
  recursionMisses: bigint;
}

export class BpfProgram {
  readonly [native]: NativeProgram;
  readonly #info: ProgramInfo;

  constructor(handle: NativeProgram) {
    this[native] = handle;
    this.#info = handle.info();
  }

  get id(): number {
    return this.#info.id;
  }
  get name(): string {
    return this.#info.name;
  }
  get type(): string {
    return this.#info.type;
  }
  /** What the verifier had to look at; 0 on kernels before 5.16. */
  get verifiedInstructions(): number {
    return this.#info.verifiedInstructions;
  }

  /** Counters since load; they only move while run-time statistics are enabled (see runStats). */
  counters(): RunCounters {
    const { runCount, runTimeNs, recursionMisses } = this[native].info();
    return { runCount, runTimeNs, recursionMisses };
  }

  attach(attach: Attach): BpfLink {
    checkAttach(attach, `${this.name}.attach`);
    return new BpfLink(this[native].attach(attach));
  }

  /** Runs a SEC("iter/…") program once, in `netns`, and returns what it wrote. More than `maxBytes` is an E2BIG error. */
  iterate(opts?: { netns?: string; maxBytes?: number }): Buffer {
    const where = `${this.name}.iterate`;
    const given = args.options(opts, where, ["netns", "maxBytes"]);
    const maxBytes = args.integer(given.maxBytes ?? MAX_ITERATE_BYTES, `${where} maxBytes`, 1, MAX_BYTES);
    return this[native].iterate(args.optionalText(given.netns, `${where} netns`), maxBytes);
  }

  testRun(opts: TestRunOptions): TestRunResult {
    const where = `${this.name}.testRun`;
    const known = ["data", "ctx", "repeat", "dataOutSize", "netns", "flags", "cpu"];
    const given: TestRunOptions = args.options(opts, where, known);
    if (given.data !== undefined) args.bytes(given.data, `${where} data`);
    if (given.ctx !== undefined) args.bytes(given.ctx, `${where} ctx`);
    const room = given.dataOutSize ?? (given.data?.byteLength ?? 0) + DATA_OUT_EXTRA;
    return this[native].testRun(
      given.data,
      given.ctx,
      args.integer(given.repeat ?? 1, `${where} repeat`, 0, MAX_BYTES),
      args.integer(room, `${where} dataOutSize`, 0, MAX_BYTES),
      args.optionalText(given.netns, `${where} netns`),
      args.integer(given.flags ?? 0, `${where} flags`, 0, 0xffffffff),
      args.integer(given.cpu ?? -1, `${where} cpu`, -1, 1023),
    );
  }

  pin(path: string): void {
    this[native].pin(args.text(path, `${this.name}.pin path`));
  }

  close(): void {
    this[native].close();
  }
}

export function openPinnedProgram(path: string): BpfProgram {
  return new BpfProgram(binding.openPinnedProgram(args.text(path, "openPinnedProgram path")));
}
