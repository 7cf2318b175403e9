/**
 * Kubernetes' container runtime interface, version 1: pods (sandboxes) and containers with their labels, as
 * containerd and CRI-O serve it. Field numbers are those of its api.proto.
 */
import { withoutKubelets } from "../workload/container.ts";
import { SocketFailure } from "./failure.ts";
import { unary } from "./grpc.ts";
import { MalformedMessage, Message } from "./protobuf.ts";
import { type Ask, MAX_TOLD, type Told } from "./told.ts";

const SERVICE = "/runtime.v1.RuntimeService";
const EMPTY = new Uint8Array();

export function askCri(socket: string): Ask {
  return async () => {
    const list = (what: string) => unary({ socket, method: `${SERVICE}/${what}`, message: EMPTY });
    const [sandboxes, containers] = await Promise.all([list("ListPodSandbox"), list("ListContainers")]);
    try {
      return readLists(sandboxes, containers);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      throw new SocketFailure(socket, `gave an answer that can't be read: ${error.message}`);
    }
  };
}

function readLists(sandboxes: Uint8Array, containers: Uint8Array): Told[] {
  const pods = new Message(sandboxes).messages(1).slice(0, MAX_TOLD).map(readSandbox);
  const byId = new Map(pods.map((pod) => [pod.id, pod]));
  const members = new Message(containers).messages(1).slice(0, MAX_TOLD);
  return [...pods, ...members.map((container) => readContainer(container, byId))];
}

function readSandbox(sandbox: Message): Told {
  const metadata = sandbox.message(2);
  return {
    ...{ id: sandbox.text(1) ?? "", name: null, image: null, isSandbox: true },
    ...{ podName: metadata?.text(1) ?? null, podNamespace: metadata?.text(3) ?? null },
    labels: withoutKubelets(sandbox.map(5)),
  };
}

function readContainer(container: Message, pods: ReadonlyMap<string, Told>): Told {
  const pod = pods.get(container.text(2) ?? "");
  return {
    ...{ id: container.text(1) ?? "", name: container.message(3)?.text(1) ?? null, isSandbox: false },
    ...{ podName: pod?.podName ?? null, podNamespace: pod?.podNamespace ?? null },
    image: container.message(4)?.text(1) ?? null,
    // CRI-O may run a pod without a sandbox's process: then its labels are its members' to tell.
    labels: { ...pod?.labels, ...withoutKubelets(container.map(8)) },
  };
}
