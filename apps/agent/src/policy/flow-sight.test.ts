import {
  encodeFlowKey,
  encodeFlowRecord,
  FLOW_KEY_SIZE,
  FLOW_RECORD_SIZE,
  FlowDirection,
  FlowOpener,
  type FlowPath,
  Verdict,
} from "@millrace/abi/generated/flow";
import { expect, test } from "vitest";
import { emptyRecord } from "../dataplane/fake-kernel.ts";
import { addressBytes } from "../endpoint/address.ts";
import { flowSights } from "./flow-sight.ts";

const [POD, VIRTUAL, BACKEND] = ["10.201.0.5", "10.96.0.1", "10.201.9.9"];
const bytesOf = (address: string) => addressBytes(address) as Uint8Array;

function sightsOf(path: Partial<FlowPath>) {
  const [keys, values] = [Buffer.alloc(FLOW_KEY_SIZE), Buffer.alloc(FLOW_RECORD_SIZE)];
  const view = ({ buffer, byteOffset, length }: Buffer) => new DataView(buffer, byteOffset, length);
  encodeFlowKey(
    {
      ...{ saddr: bytesOf(POD), daddr: bytesOf(VIRTUAL), sport: 4000, dport: 80, proto: 6, family: 4 },
      ...{ vlan: 0, endpointId: 7 },
    },
    view(keys),
  );
  const record = emptyRecord();
  encodeFlowRecord(
    {
      ...{ ...record, opener: FlowOpener.LOCAL },
      path: { ...record.path, verdict: Verdict.FORWARD, ...path },
    },
    view(values),
  );
  return [
    ...flowSights(
      { count: 1, keys, values },
      (address) => (address === BACKEND ? 5 : 0),
      (address) => (address === BACKEND ? 301 : 2),
    ),
  ];
}
const opened = (port: number) => [{ direction: FlowDirection.EGRESS, port }];

test("a flow to a service is judged as one to its backend, as the kernel judges it", () => {
  expect(sightsOf({})).toMatchObject([{ peerIdentity: 2, cidrClass: 0, opened: opened(80) }]);
  const translated = { natDst: bytesOf(BACKEND), natDstPort: 8080, backend: 1 };
  expect(sightsOf(translated)).toMatchObject([{ peerIdentity: 301, cidrClass: 5, opened: opened(8080) }]);
});
