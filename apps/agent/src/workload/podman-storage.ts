/**
 * Names and images of podman's containers, from the list its storage keeps beside their bundles. It holds no
 * labels and no pods: those are in podman's database, which podman locks.
 */
import path from "node:path";
import { z } from "zod";
import { StateFiles } from "./state-file.ts";

export type StoredNames = { name: string | null; image: string | null; isInfra: boolean };

/** A pod's first container, which only holds its namespaces; podman calls it after the pod's identifier. */
const INFRA = /^([0-9a-f]{12})-infra$/;

const Listed = z.array(
  z.object({ id: z.string(), names: z.array(z.string()).nullish(), metadata: z.string().nullish() }),
);
const Metadata = z.object({ name: z.string().nullish(), "image-name": z.string().nullish() });

export class PodmanStorage {
  readonly #lists = new StateFiles<Map<string, StoredNames>>((json) => namesIn(json));

  /** A bundle is STORAGE/overlay-containers/ID/userdata, wherever the storage is and whoever's it is. */
  of(bundle: string, id: string): StoredNames | undefined {
    const containers = path.dirname(path.dirname(bundle));
    return this.#lists.read(path.join(containers, "containers.json"))?.get(id);
  }
  endSweep(): void {
    this.#lists.endSweep();
  }
}

function namesIn(json: unknown): Map<string, StoredNames> | undefined {
  const listed = Listed.safeParse(json).data;
  return listed && new Map(listed.map(({ id, names, metadata }) => [id, stored(names?.[0], metadata)]));
}

function stored(first: string | undefined, metadata: string | null | undefined): StoredNames {
  const more = Metadata.safeParse(parseOrUndefined(metadata ?? "")).data;
  const name = more?.name ?? first ?? null;
  const pod = INFRA.exec(name ?? "")?.[1];
  return { name: pod ?? name, image: more?.["image-name"] ?? null, isInfra: pod !== undefined };
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
