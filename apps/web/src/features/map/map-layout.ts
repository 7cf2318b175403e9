/** Places nodes from left to right along their edges. The same question gets the same answer. */
import ELK from "elkjs/lib/elk-api.js";
import { NODE } from "./node-size.ts";

export type Place = { readonly x: number; readonly y: number };
export type Places = ReadonlyMap<string, Place>;

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.aspectRatio": "1.7",
  "elk.randomSeed": "1",
  "elk.spacing.nodeNode": "30",
  "elk.spacing.componentComponent": "50",
  // Labels stand between the layers.
  "elk.layered.spacing.nodeNodeBetweenLayers": "84",
};

/** Where nodes depend on each other in a circle, the edge with the least weight goes back. */
export type PlacedEdge = { readonly src: string; readonly dst: string; readonly weight: number };

type Engine = { elk: InstanceType<typeof ELK>; broken: Promise<never> };
let engine: Engine | null = null;

/** An engine that can't start never answers: its worker's error is told in its place. */
function start(): Engine {
  const worker = new Worker(new URL("./map-layout-worker.ts", import.meta.url), { type: "module" });
  const broken = new Promise<never>((_, reject) => {
    worker.addEventListener("error", (event) => {
      engine = null;
      worker.terminate();
      reject(new Error(event.message || "the layout's worker failed"));
    });
  });
  broken.catch(() => {}); // told to whoever waits for a layout
  return { elk: new ELK({ workerFactory: () => worker, algorithms: ["layered"] }), broken };
}

export async function layOut(nodes: readonly string[], edges: readonly PlacedEdge[]): Promise<Places> {
  engine ??= start();
  const graph = {
    id: "map",
    layoutOptions: OPTIONS,
    children: [...nodes].sort().map((id) => ({ id, ...NODE })),
    edges: edges
      .map(({ src, dst, weight }) => ({
        ...{ id: `${src}>${dst}`, sources: [src], targets: [dst] },
        layoutOptions: { "elk.layered.priority.direction": String(Math.round(weight)) },
      }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
  const { children = [] } = await Promise.race([engine.elk.layout(graph), engine.broken]);
  return new Map(children.map(({ id, x = 0, y = 0 }) => [id, { x, y }]));
}
