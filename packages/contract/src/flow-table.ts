/** What an endpoint that holds flows is called. What is told of it stands in agent-protocol.ts. */
import type { FlowTableReport } from "./agent-protocol.ts";

/** `shop/web-1 eth0`; where nobody knows the pod, its interface alone. */
export function holderName({ namespace, pod, interface: name }: FlowTableReport["holders"][number]): string {
  if (pod === null) return name;
  return namespace === null ? `${pod} ${name}` : `${namespace}/${pod} ${name}`;
}
