/** The hosts, workloads and reasons that random flows point to. Test material. */
import type { Known } from "./random-flows.ts";
import { insertAskedService, insertHost, insertReason, insertWorkload } from "./telemetry-rows.ts";

export async function knownNames(): Promise<Known> {
  const hosts = [await insertHost("h1"), await insertHost("h2")];
  const [host_id = null, other = null] = hosts;
  const workloads = [
    null,
    await insertWorkload({
      ...{ host_id, namespace: "shop", pod: "web-1", container: "app", service: "web" },
      labels: { app: "web" },
    }),
    await insertWorkload({
      ...{ host_id: other, namespace: "shop", pod: "checkout-1", service: "checkout" },
      labels: { app: "checkout", tier: "" },
    }),
    await insertWorkload({ kind: "host", host_id: other }),
    await insertWorkload({ kind: "external" }),
  ];
  const reasons = [await insertReason("NO_SOCKET"), await insertReason("NETFILTER_DROP")];
  const services = [
    null,
    await insertAskedService("10.210.0.4", 80, "checkout"),
    await insertAskedService("fd00:210::4", 443, "payments"),
    await insertAskedService("10.210.0.9", 80),
  ];
  return { hosts, workloads, reasons, services };
}
