/**
 * containerd: Kubernetes' containers by its CRI, those of other namespaces (ctr, nerdctl, buildkit) by its own
 * API, where they have labels and an image.
 */
import { askCri } from "./cri.ts";
import { GrpcRefusal, unary } from "./grpc.ts";
import { type Container, Containers, Filters, Namespaces } from "./schema.ts";
import { type Ask, MAX_TOLD, type Told } from "./told.ts";

const API = "/containerd.services";
const KUBERNETES = "k8s.io";
/** Docker's, which docker.ts asks. */
const DOCKER = "moby";
const MAX_NAMESPACES = 32;

export function askContainerd(socket: string): Ask {
  const cri = askCri(socket);
  return async (ids) => {
    const namespaces = await listNamespaces(socket);
    const asked = namespaces.filter((name) => name !== DOCKER).slice(0, MAX_NAMESPACES);
    const told = await Promise.all(
      asked.map((name) => (name === KUBERNETES ? criIfThere(cri, ids) : listContainers(socket, name, ids))),
    );
    return told.flat();
  };
}

/** Distributions switch the plugin off where Kubernetes isn't expected. */
async function criIfThere(cri: Ask, ids: readonly string[]): Promise<readonly Told[]> {
  try {
    return await cri(ids);
  } catch (error) {
    if (error instanceof GrpcRefusal && error.isUnimplemented) return [];
    throw error;
  }
}

async function listNamespaces(socket: string): Promise<string[]> {
  const method = `${API}.namespaces.v1.Namespaces/List`;
  const { namespaces } = await unary({ socket, method, question: new Uint8Array(), answer: Namespaces });
  return namespaces.map(({ name }) => name);
}

/** Each container comes with its whole configuration, so only those that are wanted are asked for. */
async function listContainers(socket: string, namespace: string, ids: readonly string[]): Promise<Told[]> {
  const { containers } = await unary({
    ...{ socket, method: `${API}.containers.v1.Containers/List` },
    question: Filters.encode({ filters: ids.map((id) => `id==${JSON.stringify(id)}`) }),
    ...{ answer: Containers, headers: { "containerd-namespace": namespace } },
  });
  return containers.slice(0, MAX_TOLD).map(readContainer);
}

function readContainer({ id, labels, image }: Container): Told {
  return {
    ...{ id, name: labels["nerdctl/name"] ?? null, image: image || null },
    ...{ podName: null, podNamespace: null, isSandbox: false },
    labels: Object.fromEntries(Object.entries(labels).filter(([key]) => !ofTheImage(key))),
  };
}

/** Notes that containerd and nerdctl keep for themselves. */
const ofTheImage = (key: string): boolean => key.startsWith("io.containerd.") || key.startsWith("nerdctl/");
