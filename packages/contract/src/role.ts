/**
 * Who may call what: the one table of role × procedure. The API refuses by it, the dashboard disables by
 * it, a test proves that every procedure of the router stands here.
 */
export const ROLES = ["viewer", "on-call", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** The least role that may call the procedure; each role may do what those before it may. */
export const PROCEDURE_ROLE = {
  "session.me": "viewer",
  "overview.get": "viewer",
  "flows.search": "viewer",
  "flows.histogram": "viewer",
  "flows.facets": "viewer",
  "flows.get": "viewer",
  "flows.tail": "viewer",
  "flows.complete": "viewer",
  "map.get": "viewer",
  "drops.summary": "viewer",
  "drops.get": "viewer",
  "hosts.list": "viewer",
  "hosts.get": "viewer",
  "pools.list": "viewer",
  "pools.create": "admin",
  "pools.remove": "admin",
  "network.blocks": "viewer",
  "pools.serviceRanges": "viewer",
  "pools.setServiceRanges": "admin",
  "network.release": "admin",
  "documents.list": "viewer",
  "documents.get": "viewer",
  "documents.check": "viewer",
  "documents.applyAll": "operator",
  "documents.delete": "operator",
  "policies.list": "viewer",
  "policies.get": "viewer",
  "policies.named": "viewer",
  "policies.whatIf": "viewer",
  "services.list": "viewer",
  "services.get": "viewer",
  "traces.list": "viewer",
  "traces.get": "viewer",
  "traces.events": "viewer",
  "traces.watch": "viewer",
  "traces.preview": "on-call",
  "traces.start": "on-call",
  "traces.stop": "on-call",
  "traces.stopAll": "on-call",
  "tokens.list": "viewer",
  "tokens.create": "viewer",
  "tokens.revoke": "viewer",
  "audit.list": "operator",
  "users.list": "admin",
  "users.create": "admin",
  "users.setRole": "admin",
  "users.remove": "admin",
  "agents.list": "operator",
  "agents.createEnrolToken": "admin",
  "agents.revoke": "admin",
  "retention.get": "viewer",
  "retention.set": "admin",
} as const satisfies Record<string, Role>;
export type Procedure = keyof typeof PROCEDURE_ROLE;

export const isAtLeast = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);
export const mayCall = (role: Role, procedure: Procedure): boolean =>
  isAtLeast(role, PROCEDURE_ROLE[procedure]);
