/**
 * The shop as a table: which pods it has, what runs in them and on which host each lives. The programs
 * themselves are in ../shop, run by node inside the containers; nothing here starts anything.
 */
import type { ContainerSpec, PodSpec } from "./topology.ts";

/** Where bundle.ts mounts the shop's programs and the node binary inside each container. */
export const SHOP_IN_CONTAINER = "/opt/shop";
export const NODE_IN_CONTAINER = "/opt/bin/node";
export const SHOP_NAMESPACE = "shop";

const program = (role: string): ContainerSpec => ({
  name: role,
  argv: [NODE_IN_CONTAINER, "--max-old-space-size=96", `${SHOP_IN_CONTAINER}/main.mjs`, role],
  restart: true,
  reports: true,
});

const redisServer: ContainerSpec = {
  name: "redis",
  argv: [
    "/usr/bin/redis-server",
    ...["--bind", "*", "-::*", "--port", "6379", "--protected-mode", "no"],
    ...["--save", "", "--appendonly", "no", "--dir", "/tmp"],
  ],
  restart: true,
};

/**
 * `slot` modulo the number of hosts gives the host. With two hosts: shopper → web → cart stay on one, web →
 * checkout → payments, cart → redis and batch → dns cross over, so both kinds of path have traffic.
 */
type ShopPod = { name: string; slot: number; tier: string; containers: readonly ContainerSpec[] };

const SHOP_PODS: readonly ShopPod[] = [
  { name: "redis", slot: 3, tier: "data", containers: [redisServer] },
  { name: "dns", slot: 8, tier: "infra", containers: [program("dns")] },
  { name: "payments", slot: 6, tier: "backend", containers: [program("payments")] },
  { name: "checkout", slot: 1, tier: "backend", containers: [program("checkout"), program("ledger")] },
  { name: "cart", slot: 4, tier: "backend", containers: [program("cart")] },
  { name: "web", slot: 2, tier: "frontend", containers: [program("web")] },
  { name: "batch", slot: 5, tier: "job", containers: [program("batch")] },
  { name: "shopper", slot: 0, tier: "client", containers: [program("shopper")] },
];

export function shopPods(hostCount: number): PodSpec[] {
  return SHOP_PODS.map(({ name, slot, tier, containers }) => ({
    name,
    namespace: SHOP_NAMESPACE,
    hostNumber: (slot % hostCount) + 1,
    labels: { app: name, tier },
    containers,
  }));
}
