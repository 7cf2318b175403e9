/** Which socket of which runtime is asked: what the agent was told, else the first well-known one there is. */
import fs from "node:fs";
import { askContainerd } from "./containerd.ts";
import { askCri } from "./cri.ts";
import { askDocker } from "./docker.ts";
import { Inquiry } from "./inquiry.ts";
import { askPodman } from "./podman.ts";
import type { Ask } from "./told.ts";

export const SOCKET_KINDS = ["docker", "podman", "containerd", "crio"] as const;
export type SocketKind = (typeof SOCKET_KINDS)[number];
/** Without a path the runtime isn't asked at all. */
export type SocketPlace = { kind: SocketKind; socket: string | null };

type Asked = { runtime: string; wellKnown: readonly string[]; ask: (socket: string) => Ask };
const ASKED: Record<SocketKind, Asked> = {
  docker: { runtime: "docker", wellKnown: ["/run/docker.sock"], ask: askDocker },
  podman: { runtime: "podman", wellKnown: ["/run/podman/podman.sock"], ask: askPodman },
  containerd: {
    runtime: "containerd",
    wellKnown: [
      "/run/containerd/containerd.sock",
      "/run/k3s/containerd/containerd.sock",
      "/run/k0s/containerd.sock",
    ],
    ask: askContainerd,
  },
  crio: { runtime: "cri-o", wellKnown: ["/run/crio/crio.sock"], ask: askCri },
};

export function inquiriesAt(
  places: readonly SocketPlace[],
  options: { nowMs: () => number; onNews: () => void },
): Map<string, Inquiry> {
  return new Map(
    SOCKET_KINDS.map((kind) => {
      const { runtime, wellKnown, ask } = ASKED[kind];
      const place = places.find((one) => one.kind === kind);
      const asked: Ask = async (ids) => {
        if (place?.socket === null) throw new Error("the agent was told not to ask");
        return await ask(place?.socket ?? firstThere(wellKnown))(ids);
      };
      return [runtime, new Inquiry({ ...options, ask: asked })];
    }),
  );
}

/** Looked for each time: a daemon may be started, or installed, after the agent. */
function firstThere(wellKnown: readonly string[]): string {
  return wellKnown.find((socket) => fs.existsSync(socket)) ?? (wellKnown[0] as string);
}
