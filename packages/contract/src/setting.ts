/** Users, tokens, agents, retention and audit as the operator API takes and gives them. */
import { z } from "zod";
import { HostName } from "./ids.ts";
import { ROLES } from "./role.ts";

export const Me = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  via: z.enum(["session", "token"]),
});
export type Me = z.infer<typeof Me>;

export const CreateUserInput = z.object({
  email: z.email(),
  name: z.string().min(1).max(120),
  password: z.string().min(12, "at least 12 characters").max(200),
  role: z.enum(ROLES),
});
export const UserView = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  createdAtMs: z.number(),
  lastSeenMs: z.number().nullable(),
});
export type UserView = z.infer<typeof UserView>;

export const CreateTokenInput = z.object({
  name: z.string().min(1).max(80),
  role: z.enum(ROLES),
  expiresInDays: z.int().min(1).max(366),
});
export const TokenView = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  owner: z.string(),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  lastUsedMs: z.number().nullable(),
});
export type TokenView = z.infer<typeof TokenView>;

export const CreateEnrolTokenInput = z.object({
  host: HostName.nullish(),
  expiresInMinutes: z.int().min(1).max(10_080).default(60),
});
export const AgentView = z.object({
  host: z.string(),
  enrolledAtMs: z.number(),
  lastSeenMs: z.number().nullable(),
  revokedAtMs: z.number().nullable(),
});
export type AgentView = z.infer<typeof AgentView>;

export const Retention = z.object({
  rawDays: z.int().min(1).max(365),
  rawBytes: z.number().int().min(100_000_000).max(100e12),
  rollupDays: z.int().min(1).max(3650),
});
export type Retention = z.infer<typeof Retention>;
export const RetentionView = z.object({
  settings: Retention,
  /** What is kept in fact, where that is less than the setting: why in words. */
  capped: z.object({ rawBytes: z.number(), why: z.string() }).nullable(),
  usedBytes: z.number(),
  oldestMs: z.number().nullable(),
  partitions: z.int(),
  /** Rows that came for a partition already dropped. */
  lateRows: z.number(),
});
export type RetentionView = z.infer<typeof RetentionView>;

export const AuditEntry = z.object({
  id: z.string(),
  at: z.number(),
  author: z.string(),
  via: z.string(),
  action: z.string(),
  target: z.string(),
  detail: z.record(z.string(), z.unknown()),
  outcome: z.enum(["done", "refused", "failed"]),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
export const AuditListInput = z.object({
  author: z.string().max(200).nullish(),
  action: z.string().max(80).nullish(),
  cursor: z.string().max(100).nullish(),
  limit: z.int().min(1).max(500).default(100),
});
