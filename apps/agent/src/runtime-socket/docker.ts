/** Docker's list of containers. Asked only where its own files can't be read (workload/docker.ts). */
import { z } from "zod";
import { getJson } from "./rest.ts";
import { type Ask, MAX_TOLD, type Told } from "./told.ts";

const Listed = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).nullish(),
    Image: z.string().nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);

export function askDocker(socket: string): Ask {
  return async () => {
    const listed = await getJson(socket, "/containers/json?all=1", Listed);
    return listed.slice(0, MAX_TOLD).map((container): Told => {
      const labels = container.Labels ?? {};
      return {
        ...{ id: container.Id, image: container.Image ?? null, labels },
        name: container.Names?.[0]?.replace(/^\//, "") ?? null,
        // cri-dockerd's way of saying which pod a container is of.
        podName: labels["io.kubernetes.pod.name"] ?? null,
        podNamespace: labels["io.kubernetes.pod.namespace"] ?? null,
        isSandbox: labels["io.kubernetes.docker.type"] === "podsandbox",
      };
    });
  };
}
