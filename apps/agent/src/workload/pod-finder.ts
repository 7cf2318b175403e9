/**
 * Discovery's rhythm: a sweep each second, at once when a runtime's directory changes, and when a socket has
 * told something new. What a sweep finds is discovery.ts's, what is done about it the caller's.
 */
import { Repeat } from "../repeat.ts";
import { RuntimeNames } from "../runtime-socket/names.ts";
import { inquiriesAt, type SocketPlace } from "../runtime-socket/sockets.ts";
import { Discovery, type DiscoveryOptions } from "./discovery.ts";
import type { Pod } from "./pod.ts";
import { DirectoryWatch } from "./watch.ts";

const SWEEP_MS = 1000;
/** Changes come in swarms: one sweep for each. */
const SOON_MS = 50;

export type PodFinderOptions = Omit<DiscoveryOptions, "names"> & {
  sockets: readonly SocketPlace[];
  /** After each sweep, found something new or not. */
  onPods: (pods: readonly Pod[]) => void;
  onError: (name: string, error: unknown) => void;
};

export class PodFinder {
  readonly #o: PodFinderOptions;
  readonly #discovery: Discovery;
  readonly #directories = new DirectoryWatch(() => this.nudge());
  readonly #repeat: Repeat;
  #soon: NodeJS.Timeout | undefined;

  constructor(options: PodFinderOptions) {
    this.#o = options;
    const inquiries = inquiriesAt(options.sockets, { nowMs: Date.now, onNews: () => this.nudge() });
    this.#discovery = new Discovery({ ...options, names: new RuntimeNames(inquiries) });
    const run = () => this.#sweep();
    this.#repeat = new Repeat({ name: "discovery", run, failureMs: SWEEP_MS, onError: options.onError });
  }

  start(): void {
    this.#repeat.start();
  }
  nudge(): void {
    this.#repeat.nudge();
  }
  nudgeSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.nudge();
    }, SOON_MS);
  }
  async stop(): Promise<void> {
    clearTimeout(this.#soon);
    this.#directories.close();
    await this.#repeat.stop();
  }

  #sweep(): number {
    this.#directories.follow(this.#o.runtimes.flatMap((runtime) => runtime.watched()));
    this.#o.onPods(this.#discovery.sweep());
    return SWEEP_MS;
  }
}
