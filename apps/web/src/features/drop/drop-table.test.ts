import { parseFilter } from "@millrace/contract/filter";
import { expect, test } from "vitest";
import { endpointFilter } from "./drop-table.tsx";

test("from a pair of ends one gets to their flows by a filter that can be read", () => {
  const end = {
    src: "fd00::3",
    dst: "10.1.0.4",
    dstPort: 8443,
    proto: 6,
    packets: 1,
    srcService: null,
    dstService: "payments",
  };
  const filter = endpointFilter(end, "NO_SOCKET");
  expect(filter).toBe("src.ip=fd00::3 dst.service=payments dst.port=8443 reason=NO_SOCKET");
  expect(parseFilter(filter).problems).toEqual([]);
});
