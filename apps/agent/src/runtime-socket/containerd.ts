/**
 * containerd: Kubernetes' containers by its CRI, those of other namespaces (ctr, nerdctl, buildkit) by its own
 * API, where they have labels and an image. Field numbers are those of its containers.proto.
 */
import { askCri } from "./cri.ts";
import { SocketFailure } from "./failure.ts";
import { GrpcRefusal, UNIMPLEMENTED, unary } from "./grpc.ts";
import { encode, MalformedMessage, Message } from "./protobuf.ts";
import { type Ask, MAX_TOLD, type Told } from "./told.ts";

const API = "/containerd.services";
const KUBERNETES = "k8s.io";
/** Docker's, which docker.ts asks. */
const DOCKER = "moby";
const MAX_NAMESPACES = 32;

export function askContainerd(socket: string): Ask {
  const cri = askCri(socket);
  return async (ids) => {
    try {
      const namespaces = await listNamespaces(socket);
      const asked = namespaces.filter((name) => name !== DOCKER).slice(0, MAX_NAMESPACES);
      const told = await Promise.all(
        asked.map((name) => (name === KUBERNETES ? criIfThere(cri, ids) : listContainers(socket, name, ids))),
      );
      return told.flat();
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      throw new SocketFailure(socket, `gave an answer that can't be read: ${error.message}`);
    }
  };
}

/** Distributions switch the plugin off where Kubernetes isn't expected. */
async function criIfThere(cri: Ask, ids: readonly string[]): Promise<readonly Told[]> {
  try {
    return await cri(ids);
  } catch (error) {
    if (error instanceof GrpcRefusal && error.code === UNIMPLEMENTED) return [];
    throw error;
  }
}

async function listNamespaces(socket: string): Promise<string[]> {
  const answer = await unary({
    ...{ socket, method: `${API}.namespaces.v1.Namespaces/List`, message: new Uint8Array() },
  });
  return new Message(answer).messages(1).flatMap((namespace) => namespace.texts(1));
}

/** Each container comes with its whole configuration, so only those that are wanted are asked for. */
async function listContainers(socket: string, namespace: string, ids: readonly string[]): Promise<Told[]> {
  const answer = await unary({
    ...{ socket, method: `${API}.containers.v1.Containers/List` },
    message: encode(ids.map((id) => [1, `id==${JSON.stringify(id)}`])),
    headers: { "containerd-namespace": namespace },
  });
  return new Message(answer).messages(1).slice(0, MAX_TOLD).map(readContainer);
}

function readContainer(container: Message): Told {
  const labels = container.map(2);
  return {
    ...{
      id: container.text(1) ?? "",
      name: labels["nerdctl/name"] ?? null,
      image: container.text(3) ?? null,
    },
    ...{ podName: null, podNamespace: null, isSandbox: false },
    labels: Object.fromEntries(Object.entries(labels).filter(([key]) => !ofTheImage(key))),
  };
}

/** Notes that containerd and nerdctl keep for themselves. */
const ofTheImage = (key: string): boolean => key.startsWith("io.containerd.") || key.startsWith("nerdctl/");
