/** podman's list of containers by its own API: unlike the one it shares with Docker it tells of pods. */
import { z } from "zod";
import { getJson } from "./rest.ts";
import { type Ask, MAX_TOLD, type Told } from "./told.ts";

const Listed = z
  .array(
    z.object({
      Id: z.string(),
      Names: z.array(z.string()).nullish(),
      Image: z.string().nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
      PodName: z.string().nullish(),
      IsInfra: z.boolean().nullish(),
    }),
  )
  .nullable();
/** Any version from 4 on answers to it. */
const PATH = "/v4.0.0/libpod/containers/json?all=true";

export function askPodman(socket: string): Ask {
  return async () => {
    const listed = await getJson(socket, PATH, Listed);
    return (listed ?? []).slice(0, MAX_TOLD).map(
      (container): Told => ({
        ...{ id: container.Id, name: container.Names?.[0] ?? null, image: container.Image ?? null },
        ...{ podName: container.PodName || null, podNamespace: null },
        ...{ isSandbox: container.IsInfra === true, labels: container.Labels ?? {} },
      }),
    );
  };
}
