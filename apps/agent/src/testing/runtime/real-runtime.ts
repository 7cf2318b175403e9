/** What a test wants of a container runtime, whichever it is. Tests only. */
import type { SocketPlace } from "../../runtime-socket/sockets.ts";
import type { RuntimePlace } from "../../workload/runtimes.ts";
import type { RuntimeSite } from "./site.ts";

export type ContainerWish = {
  name: string;
  labels: Record<string, string>;
  /** For the image's shell. */
  script: string;
  network: "own" | "host";
};

export interface RealRuntime {
  /** As containers of it are reported. */
  readonly name: string;
  readonly site: RuntimeSite;
  readonly places: RuntimePlace[];
  readonly socket: SocketPlace;
  /** Where its containers reach their host. */
  readonly gateway: string;
  start(): Promise<void>;
  /** Answers when the container runs; its identifier. */
  run(wish: ContainerWish): Promise<string>;
  /** Two containers in one pod; those runtimes without pods have none. */
  runPod?(pod: { name: string; labels: Record<string, string> }, members: ContainerWish[]): Promise<void>;
  /** Ends and removes everything that was run. */
  clear(): Promise<void>;
  close(): Promise<void>;
}
