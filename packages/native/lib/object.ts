// A BPF object file: open, configure, load, take programs and maps out. Those hold their own references and outlive
// the object's close().
import * as args from "./args.ts";
import { binding, type MapSummary, type NativeObject } from "./binding.ts";
import { BtfView } from "./btf.ts";
import { BpfMap } from "./map.ts";
import { BpfProgram } from "./program.ts";

export class BpfObject {
  readonly #native: NativeObject;

  constructor(handle: NativeObject) {
    this.#native = handle;
  }

  /** Before load: the initial bytes of a global variable, in the layout of the object's BTF. */
  setRodata(section: ".rodata" | ".data" | ".bss", symbol: string, bytes: Uint8Array): void {
    const where = "setRodata";
    this.#native.setVariable(
      args.text(section, `${where} section`),
      args.text(symbol, `${where} symbol`),
      args.bytes(bytes, `${where} bytes of ${symbol}`),
    );
  }

  setAutoload(program: string, on: boolean): void {
    this.#native.setAutoload(args.text(program, "setAutoload program"), args.boolean(on, "setAutoload on"));
  }

  setMaxEntries(map: string, entries: number): void {
    const count = args.integer(entries, `setMaxEntries of ${map}`, 1, 0xffffffff);
    this.#native.setMaxEntries(args.text(map, "setMaxEntries map"), count);
  }

  /** Before load: pin the map here, or use the one already pinned; load fails when that has another layout. */
  pinMap(map: string, path: string): void {
    this.#native.pinMap(args.text(map, "pinMap map"), args.text(path, `pinMap path of ${map}`));
  }

  /** Once. A failure leaves nothing in the kernel and carries the verifier's log. Returns that log for a level above 0. */
  load(opts?: { logLevel?: number }): string {
    const given = args.options(opts, "load", ["logLevel"]);
    return this.#native.load(args.integer(given.logLevel ?? 0, "load logLevel", 0, 7));
  }

  program(name: string): BpfProgram {
    return new BpfProgram(this.#native.program(args.text(name, "program name")));
  }

  programs(): string[] {
    return this.#native.programs();
  }

  map(name: string): BpfMap {
    return new BpfMap(this.#native.map(args.text(name, "map name")));
  }

  maps(): MapSummary[] {
    return this.#native.maps();
  }

  btf(): BtfView {
    return new BtfView(this.#native.btf());
  }

  close(): void {
    this.#native.close();
  }
}

export function openObject(
  source: string | Uint8Array,
  opts?: { name?: string; pinRoot?: string },
): BpfObject {
  const given = args.options(opts, "openObject", ["name", "pinRoot"]);
  const from =
    typeof source === "string"
      ? args.text(source, "openObject path")
      : args.bytes(source, "openObject bytes");
  const name = args.optionalText(given.name, "openObject name");
  return new BpfObject(
    binding.openObject(from, name, args.optionalText(given.pinRoot, "openObject pinRoot")),
  );
}
