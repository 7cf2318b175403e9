/** Something that can be asked of each operator procedure, for tests that ask them all. Test material. */
import type { Procedure } from "@millrace/contract/role";
import { aNetworkPolicy, aService } from "./documents.ts";

const range = { from: Date.now() - 60_000, to: Date.now() };
const nobody = crypto.randomUUID();
const spec = { kind: "drops", hosts: ["h1"], filter: {}, leaseSeconds: 60, rateEps: 100 };
const retention = { rawDays: 3, rawBytes: 1e9, rollupDays: 30 };

export const ASKED = { range, nobody, spec, retention };

/** Something each procedure can be asked; what isn't there is NOT_FOUND, which is an answer too. */
export const INPUT: Record<Procedure, unknown> = {
  "session.me": undefined,
  "overview.get": { range },
  "flows.search": { range },
  "flows.histogram": { range, filter: "" },
  "flows.facets": { range, filter: "" },
  "flows.get": { id: nobody },
  "flows.tail": { filter: "" },
  "flows.complete": { field: "pod", prefix: "", range },
  "map.get": { range },
  "drops.summary": { range },
  "drops.get": { range, reason: "r", place: "p", host: "h" },
  "hosts.list": undefined,
  "hosts.get": { name: "h1", range },
  "pools.list": undefined,
  "pools.create": { name: "p", mode: "direct", prefix4: "10.250.0.0/16", prefix6: "fd00:250::/48" },
  "pools.remove": { name: "none" },
  "network.blocks": undefined,
  "pools.serviceRanges": undefined,
  "pools.setServiceRanges": { prefix4: "10.240.0.0/16", prefix6: "fd00:240::/108" },
  "network.release": { host: "none" },
  "documents.list": { kind: "Service", namespace: "none" },
  "documents.get": { kind: "Service", namespace: "none", name: "none" },
  "documents.check": { documents: [aService("none", "none")] },
  "documents.applyAll": {
    documents: [aNetworkPolicy("none", "none"), aService("none", "headless", { clusterIP: "None" })],
  },
  "documents.delete": { documents: [{ kind: "Service", namespace: "none", name: "none" }] },
  "policies.list": undefined,
  "policies.get": { number: 0xff_ffff },
  "policies.named": { numbers: [1, 2] },
  "policies.whatIf": { documents: [aNetworkPolicy("none", "none")], range },
  "services.list": undefined,
  "services.get": { namespace: "none", name: "none" },
  "traces.list": {},
  "traces.get": { id: nobody },
  "traces.events": { id: nobody },
  "traces.watch": { id: nobody },
  "traces.preview": spec,
  "traces.start": { ...spec, hosts: ["none"] },
  "traces.stop": { id: nobody },
  "traces.stopAll": undefined,
  "tokens.list": undefined,
  "tokens.create": { name: "t", role: "viewer", expiresInDays: 1 },
  "tokens.revoke": { id: nobody },
  "audit.list": {},
  "users.list": undefined,
  "users.create": { email: "admin@example.org", name: "n", password: "long enough it is", role: "viewer" },
  "users.setRole": { id: nobody, role: "viewer" },
  "users.remove": { id: nobody },
  "agents.list": undefined,
  "agents.createEnrolToken": { host: "h9" },
  "agents.revoke": { host: "none" },
  "retention.get": undefined,
  "retention.set": retention,
};
