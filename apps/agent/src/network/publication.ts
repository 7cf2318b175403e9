/** What of a pod the control plane is told. */
import type { PublishedEndpoint } from "@millrace/contract/network";
import { NAMESPACE_LABEL } from "@millrace/contract/policy-protocol";
import { keyText } from "../attachment/attachment.ts";
import type { PlacedRecord } from "../attachment/record.ts";

const LONGEST_ID = 128;

/**
 * What discovery has found; before that what was published last, or an agent that starts again would say of its pods that they have
 * no labels any more, and take them from services and policies for a moment; of a new pod what the runtime told at the attach.
 */
export function labelsToPublish(
  record: Pick<PlacedRecord, "namespace">,
  found: Record<string, string> | undefined,
  last: Record<string, string> | undefined,
): Record<string, string> {
  return found ?? last ?? withNamespace({}, record.namespace);
}
export const withNamespace = (
  labels: Record<string, string>,
  namespace: string | null,
): Record<string, string> => ({ ...labels, ...(namespace === null ? {} : { [NAMESPACE_LABEL]: namespace }) });

export function publishedEndpoint(record: PlacedRecord, labels: Record<string, string>): PublishedEndpoint {
  const address = (v6: boolean) =>
    record.addresses.find((one) => one.address.includes(":") === v6)?.address ?? null;
  const attachmentId = keyText(record).slice(-LONGEST_ID);
  return { attachmentId, address4: address(false), address6: address(true), labels };
}
