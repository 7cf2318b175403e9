/** What stands above every document's own part: its name, and what Kubernetes writes there by itself. */
import { DEFAULT_NAMESPACE } from "@millrace/contract/policy-protocol";
import { z } from "zod";
import { fields, kindOf, suggestion } from "./reading.ts";
import { isSubdomain, LabelMap } from "./selector.ts";

const anything = z.unknown().optional();
/** Written by the API server or by controllers; it says nothing about what is meant. */
const ADDED = {
  ...{ uid: anything, resourceVersion: anything, generation: anything, creationTimestamp: anything },
  ...{ deletionTimestamp: anything, deletionGracePeriodSeconds: anything, finalizers: anything },
  ...{ generateName: anything, managedFields: anything, ownerReferences: anything, selfLink: anything },
};

const ObjectName = z.string().refine(isSubdomain, {
  error: ({ input }) => `${kindOf(input)} is no name: small letters, digits, “-” and “.”, at most 253`,
});
export const NamespaceName = z
  .string()
  .refine((text) => text.length <= 63 && isSubdomain(text) && !text.includes("."), {
    error: ({ input }) =>
      `${kindOf(input)} is no namespace's name: small letters, digits and “-”, at most 63`,
  });

export const MODE_ANNOTATION = "millrace.io/mode";

/** A misspelt annotation of ours would be a policy that enforces where it should observe: it is refused. */
const Annotations = z.record(z.string(), z.string()).check((ctx) => {
  for (const key of Object.keys(ctx.value)) {
    if (!key.startsWith("millrace.io/") || key === MODE_ANNOTATION) continue;
    const message = `there is no such annotation${suggestion(key, [MODE_ANNOTATION])}`;
    ctx.issues.push({ code: "custom", message, path: [key], input: key });
  }
});

export const Metadata = fields({
  name: ObjectName,
  namespace: NamespaceName.default(DEFAULT_NAMESPACE),
  labels: LabelMap.optional(),
  annotations: Annotations.optional(),
  ...ADDED,
});

export const NamespaceMetadata = fields({
  name: NamespaceName,
  labels: LabelMap.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ...ADDED,
});
