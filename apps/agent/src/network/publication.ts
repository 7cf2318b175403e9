/** What of a pod the control plane is told. */
import type { PublishedEndpoint } from "@millrace/contract/network";
import { keyText } from "../attachment/attachment.ts";
import type { PlacedRecord } from "../attachment/record.ts";

const LONGEST_ID = 128;

export function publishedEndpoint(record: PlacedRecord, labels: Record<string, string>): PublishedEndpoint {
  const address = (v6: boolean) =>
    record.addresses.find((one) => one.address.includes(":") === v6)?.address ?? null;
  const attachmentId = keyText(record).slice(-LONGEST_ID);
  return { attachmentId, address4: address(false), address6: address(true), labels };
}
