/** `port` and `endPort` as both languages have them: a number, a range of numbers, or a name that pods give a port. */
import type { RulePort } from "@millrace/contract/policy";
import { z } from "zod";
import { LAST_PORT } from "./judgement.ts";
import { kindOf } from "./reading.ts";

const MOST_NAME = 15;

function portProblem(port: number | string): string | undefined {
  if (typeof port === "number")
    return Number.isInteger(port) && port >= 1 && port <= LAST_PORT
      ? undefined
      : `must be from 1 to ${LAST_PORT}, not ${port}`;
  if (/^\d+$/.test(port))
    return `${kindOf(port)} is text, and so a port's name: write ${port} without quotes`;
  return port.length <= MOST_NAME && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(port) && /[a-z]/.test(port)
    ? undefined
    : `${kindOf(port)} is no port's name: small letters, digits and single “-”, at least one letter, at most ${MOST_NAME}`;
}

export const portFields = {
  port: z
    .union([z.number(), z.string()], {
      error: ({ input }) => `must be a number or a port's name, not ${kindOf(input)}`,
    })
    .check((ctx) => {
      const message = portProblem(ctx.value);
      if (message) ctx.issues.push({ code: "custom", message, input: ctx.value });
    })
    .optional(),
  endPort: z.int().min(1).max(LAST_PORT).optional(),
};
type Ports = { port?: number | string | undefined; endPort?: number | undefined };

/** What is wrong with endPort beside this port. */
export function endPortProblem({ port, endPort }: Ports): string | undefined {
  if (endPort === undefined) return undefined;
  if (port === undefined) return "needs a port, where the range begins";
  if (typeof port === "string") return `needs a number as port: ${kindOf(port)} is a name`;
  return endPort < port ? `must not be less than port: ${endPort} is before ${port}` : undefined;
}

export function rangeOf({ port, endPort }: Ports): RulePort["port"] {
  if (port === undefined) return null;
  return typeof port === "string" ? { name: port } : { from: port, to: endPort ?? port };
}
