// An attachment. It lasts until its last reference goes: this handle, or a pin. A handle that is collected without
// close() lets go as well, so keep it as long as the attachment is wanted.
import * as args from "./args.ts";
import { binding, type LinkInfo, type NativeLink, native } from "./binding.ts";
import type { BpfProgram } from "./program.ts";

export class BpfLink {
  readonly [native]: NativeLink;
  readonly #id: number;

  constructor(handle: NativeLink) {
    this[native] = handle;
    this.#id = handle.info().id;
  }

  get id(): number {
    return this.#id;
  }

  /** Puts another program in this place, with no moment in between without one. */
  update(program: BpfProgram): void {
    this[native].update(program[native]);
  }

  /** Makes missing directories. The link then outlives this process. */
  pin(path: string): void {
    this[native].pin(args.text(path, "link.pin path"));
  }

  unpin(): void {
    this[native].unpin();
  }

  /** Ends the attachment at once, whoever else holds it, and removes this handle's pin. */
  detach(): void {
    this[native].detach();
  }

  /** `ifindex` 0 means that the device is gone, or a filter of classic tc, which has the id 0. */
  info(): LinkInfo {
    return this[native].info();
  }

  close(): void {
    this[native].close();
  }
}

export function openPinnedLink(path: string): BpfLink {
  return new BpfLink(binding.openPinnedLink(args.text(path, "openPinnedLink path")));
}
