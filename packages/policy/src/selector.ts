/** Label selectors as Kubernetes writes them, which is how both languages write them. What they match is judge.ts's. */
import { POLICY_LIMITS, type Selector } from "@millrace/contract/policy";
import { z } from "zod";
import { fields, kindOf } from "./reading.ts";

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const isSubdomain = (text: string): boolean => text.length <= 253 && SUBDOMAIN.test(text);

function keyProblem(key: string): string | undefined {
  const parts = key.split("/");
  const [name = "", prefix] = [parts.at(-1), parts.length > 1 ? parts[0] : undefined];
  if (parts.length > 2 || (prefix !== undefined && !isSubdomain(prefix)) || !NAME.test(name))
    return `${kindOf(key)} is no label key: up to 63 letters, digits, “-”, “_” and “.”, perhaps after a domain and “/”`;
  return undefined;
}
const isLabelValue = (text: string): boolean => text === "" || NAME.test(text);

const LabelKey = z.string().check((ctx) => {
  const message = keyProblem(ctx.value);
  if (message) ctx.issues.push({ code: "custom", message, input: ctx.value });
});
const LabelValue = z.string().refine(isLabelValue, {
  error: ({ input }) =>
    `${kindOf(input)} is no label value: up to 63 letters, digits, “-”, “_” and “.”, beginning and ending with a letter or digit`,
});

/** Labels of an object, or those that a selector wants. */
export const LabelMap = z.record(z.string(), LabelValue).check((ctx) => {
  for (const key of Object.keys(ctx.value)) {
    const message = keyProblem(key);
    if (message) ctx.issues.push({ code: "custom", message, path: [key], input: key });
  }
});

const SETS = ["In", "NotIn"] as const;
const MatchExpression = fields({
  key: LabelKey,
  operator: z.enum([...SETS, "Exists", "DoesNotExist"]),
  values: z.array(LabelValue).max(POLICY_LIMITS.requirements).optional(),
}).check((ctx) => {
  const { operator, values = [] } = ctx.value;
  const takesValues = (SETS as readonly string[]).includes(operator);
  if (takesValues === values.length > 0) return;
  const message = takesValues
    ? `must not be empty: ${operator} asks for one of them`
    : `must be empty: ${operator} takes none`;
  ctx.issues.push({ code: "custom", message, path: ["values"], input: values });
});

export const LabelSelector = fields({
  matchLabels: LabelMap.optional(),
  matchExpressions: z.array(MatchExpression).optional(),
}).check((ctx) => {
  const count = Object.keys(ctx.value.matchLabels ?? {}).length + (ctx.value.matchExpressions ?? []).length;
  if (count > POLICY_LIMITS.requirements)
    ctx.issues.push({
      code: "custom",
      message: `has ${count} requirements; at most ${POLICY_LIMITS.requirements}`,
      input: count,
    });
});
export type LabelSelector = z.infer<typeof LabelSelector>;

export const selectorOf = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Selector => [
  ...Object.entries(matchLabels).map(([key, value]) => ({ key, operator: "In" as const, values: [value] })),
  ...matchExpressions.map(({ key, operator, values = [] }) => ({ key, operator, values })),
];
