/**
 * Kubernetes' container runtime interface, version 1: pods (sandboxes) and containers with their labels, as
 * containerd and CRI-O serve it.
 */
import { withoutKubelets } from "../workload/container.ts";
import { unary } from "./grpc.ts";
import { type CriContainer, CriContainers, type PodSandbox, PodSandboxes } from "./schema.ts";
import { type Ask, MAX_TOLD, type Told } from "./told.ts";

const SERVICE = "/runtime.v1.RuntimeService";
/** A request without a filter has no field. */
const ALL = new Uint8Array();

export function askCri(socket: string): Ask {
  return async () => {
    const [{ items }, { containers }] = await Promise.all([
      unary({ socket, method: `${SERVICE}/ListPodSandbox`, question: ALL, answer: PodSandboxes }),
      unary({ socket, method: `${SERVICE}/ListContainers`, question: ALL, answer: CriContainers }),
    ]);
    const pods = items.slice(0, MAX_TOLD).map(readSandbox);
    const byId = new Map(pods.map((pod) => [pod.id, pod]));
    return [...pods, ...containers.slice(0, MAX_TOLD).map((one) => readContainer(one, byId))];
  };
}

/** An empty string is one that wasn't sent: protobuf doesn't tell them apart. */
const sent = (text: string | undefined): string | null => text || null;

function readSandbox({ id, metadata, labels }: PodSandbox): Told {
  return {
    ...{ id, name: null, image: null, isSandbox: true },
    ...{ podName: sent(metadata?.name), podNamespace: sent(metadata?.namespace) },
    labels: withoutKubelets(labels),
  };
}

function readContainer(container: CriContainer, pods: ReadonlyMap<string, Told>): Told {
  const pod = pods.get(container.podSandboxId);
  return {
    ...{ id: container.id, name: sent(container.metadata?.name), isSandbox: false },
    ...{ podName: pod?.podName ?? null, podNamespace: pod?.podNamespace ?? null },
    image: sent(container.image?.image),
    // CRI-O may run a pod without a sandbox's process: then its labels are its members' to tell.
    labels: { ...pod?.labels, ...withoutKubelets(container.labels) },
  };
}
