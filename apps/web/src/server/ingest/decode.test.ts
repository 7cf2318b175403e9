import { BATCH_MAX_ROWS } from "@millrace/contract/batch";
import fc from "fast-check";
import { pack } from "msgpackr";
import { describe, expect, test } from "vitest";
import {
  aDrop,
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  flowId,
  ip,
  message,
  SECOND_US,
} from "../testing/agent-batch.ts";
import { decodeBatch } from "./decode.ts";

const NOW_US = Date.UTC(2026, 10, 23, 12) * 1000;
const good = { workloads: [aWorkload()], reasons: ["NO_SOCKET"], places: ["f+0x1"] };
const reasonOf = (bytes: Uint8Array): string => {
  const decoded = decodeBatch(bytes, NOW_US);
  return decoded.ok ? "accepted" : decoded.reason;
};

test("what an agent writes is read back value for value", () => {
  const flow = aFlow(NOW_US, { srcPort: 65_535, fwdBytes: 2 ** 53 - 1, isn: 2 ** 32 - 1, srcWorkload: 1 });
  const decoded = decodeBatch(batchBytes(NOW_US, { ...good, flows: [flow], drops: [aDrop(NOW_US)] }), NOW_US);
  if (!decoded.ok) throw new Error(decoded.reason);
  const { flows, drops, head } = decoded.batch;
  expect(head).toMatchObject({ flowRows: 1, dropRows: 1, to: NOW_US });
  for (const [name, value] of Object.entries(flow)) {
    const column = flows[name as keyof typeof flows];
    expect(typeof value === "number" ? column[0] : Uint8Array.from(column), name).toEqual(value);
  }
  expect(drops.packets[0]).toBe(1);
});

test("columns are read right at every alignment of the message", () => {
  for (let pad = 0; pad < 8; pad++) {
    const reasons = ["x".repeat(pad)];
    const decoded = decodeBatch(
      batchBytes(NOW_US, { reasons, flows: [aFlow(NOW_US, { dstPort: 443 })] }),
      NOW_US,
    );
    expect(decoded.ok && decoded.batch.flows.dstPort[0]).toBe(443);
  }
});

describe("a wrong value is named with its column and row", () => {
  const flowProblems: [Partial<ReturnType<typeof aFlow>>, string][] = [
    [{ vlan: 4096 }, "flows.vlan[1] is 4096, the most is 4095"],
    [{ observer: 3 }, "flows.observer[1] is 3, the most is 2"],
    [{ openerKnown: 2 }, "flows.openerKnown[1] is 2, the most is 1"],
    [{ verdict: 4 }, "flows.verdict[1] is 4, the most is 3"],
    [{ dropReason: 2 }, "flows.dropReason[1] is 2, the most is 1"],
    [{ tcpState: 6 }, "flows.tcpState[1] is 6, the most is 5"],
    [{ rttUs: 2 ** 31 }, "flows.rttUs[1] is 2147483648, the most is 2147483647"],
    [{ srcWorkload: 2 }, "flows.srcWorkload[1] is 2, the most is 1"],
    [{ dstWorkload: 9 }, "flows.dstWorkload[1] is 9, the most is 1"],
    [{ endpoint: 1 }, "flows.endpoint[1] is 1, the most is 0"],
    [{ carried: 2 }, "flows.carried[1] is 2, the most is 1"],
    [{ way: 6 }, "flows.way[1] is 6, the most is 5"],
    [{ final: 7 }, "flows.final[1] is 7, the most is 1"],
    [{ firstSeen: 12 }, "flows.firstSeen[1] is 12, not a time in µs since 1970"],
    [{ flowId: new Uint8Array(16) }, "flows.flowId[1] is no UUID"],
  ];
  test.each(flowProblems)("flow %o", (wrong, said) => {
    expect(reasonOf(batchBytes(NOW_US, { ...good, flows: [aFlow(NOW_US), aFlow(NOW_US, wrong)] }))).toBe(
      said,
    );
  });
  test("a flow's life begins before it ends, and ends before now", () => {
    const backwards = aFlow(NOW_US, { firstSeen: NOW_US, lastSeen: NOW_US - 1 });
    const tomorrow = aFlow(NOW_US, { lastSeen: NOW_US + 86_400 * SECOND_US });
    for (const flow of [backwards, tomorrow])
      expect(reasonOf(batchBytes(NOW_US, { flows: [flow] }))).toMatch(
        /^flows\.lastSeen\[0\] is .* not a time between/,
      );
  });
  test("drops point into their dictionaries, and always at a reason and a place", () => {
    const said = (over: object) => reasonOf(batchBytes(NOW_US, { ...good, drops: [aDrop(NOW_US, over)] }));
    expect(said({ reason: 0 })).toBe("drops.reason[0] is missing");
    expect(said({ place: 2 })).toBe("drops.place[0] is 2, the most is 1");
    expect(said({ class: 2 })).toBe("drops.class[0] is 2, the most is 1");
  });
  test("translations speak of flows that are there, each of one", () => {
    const side = { src: ip("192.0.2.1"), dst: ip("10.0.0.2"), srcPort: 1, dstPort: 2 };
    const told = (...rows: number[]) =>
      reasonOf(
        batchBytes(NOW_US, {
          ...{ ...good, flows: [aFlow(NOW_US), aFlow(NOW_US)] },
          translations: rows.map((row) => ({ row, ...side })),
        }),
      );
    expect(told(0, 1)).toBe("accepted");
    expect(told(2)).toBe("translations.row[0] is 2, there are 2 flows");
    expect(told(1, 1)).toBe("translations.row[1] is 1, not more than the one before");
    const missing = { ...message(NOW_US, { ...good, flows: [aFlow(NOW_US)] }), translations: null };
    expect(reasonOf(pack(missing))).toBe("translations: columns are missing");
  });
  test("services are asked for by flows that are there, once, and at a port", () => {
    const asked = { row: 0, address: ip("10.210.0.4"), port: 80 };
    const parts = { ...good, flows: [aFlow(NOW_US), aFlow(NOW_US)] };
    const told = (...services: (typeof asked)[]) => reasonOf(batchBytes(NOW_US, { ...parts, services }));
    expect(told(asked, { ...asked, row: 1 })).toBe("accepted");
    expect(told({ ...asked, row: 2 })).toBe("services.row[0] is 2, there are 2 flows");
    expect(told(asked, asked)).toBe("services.row[1] is 0, not more than the one before");
    expect(told({ ...asked, port: 0 })).toBe("services.port[0] is missing");
    const { services: _, serviceRows: __, ...older } = message(NOW_US, parts);
    expect(reasonOf(Uint8Array.from(pack(older)))).toBe("accepted");
  });
  test("a flow without an endpoint is none", () => {
    expect(reasonOf(batchBytes(NOW_US, { endpoints: [], flows: [aFlow(NOW_US)] }))).toBe(
      "flows.endpoint[0] is 0, the most is -1",
    );
  });
});

describe("a wrong head is said", () => {
  const cases: [string, object, RegExp][] = [
    ["unknown form", { v: 1 }, /^v: Invalid input: expected 2$/],
    ["sequence", { sequence: 0 }, /^sequence: /],
    ["interval", { from: NOW_US + 1 }, /^from .* is after to/],
    ["too early", { from: 0 }, /^from \(0\) is no time/],
    ["clock ahead", { to: NOW_US + 600 * SECOND_US }, /^to .* is 600 s ahead of the server's clock$/],
    ["too many rows", { flowRows: BATCH_MAX_ROWS + 1 }, /^flowRows: /],
    [
      "rows and columns disagree",
      { flowRows: 3, flows: { endpoint: Uint8Array.of(1, 0, 0) } },
      /^flows: column endpoint has 3 bytes, not 1 \+ 1 × 3$/,
    ],
    ["endpoint twice", { endpoints: [anEndpoint(), anEndpoint()] }, /^endpoints\.1\.uid: .* is there twice$/],
    [
      "endpoint's workload",
      { endpoints: [anEndpoint({ workload: 1 })] },
      /^endpoints\.0\.workload: 1 is past/,
    ],
    ["NUL", { reasons: ["a\0b"] }, /^reasons\.0: a NUL character can't be stored$/],
    [
      "NUL in a label's name",
      { workloads: [aWorkload({ labels: { "a\0": "" } })] },
      /^workloads\.0\.labels: a name with a NUL/,
    ],
    [
      "half a range of lost batches",
      { lost: [{ what: "batches", count: 1, firstSequence: 3, lastSequence: null }] },
      /^lost\.0: 3 … null is no range$/,
    ],
  ];
  test.each(cases)("%s", (_, wrong, said) => {
    expect(reasonOf(Uint8Array.from(pack({ ...message(NOW_US), ...wrong })))).toMatch(said);
  });
});

describe("hostile bytes never throw", () => {
  const answers = (bytes: Uint8Array) => {
    const decoded = decodeBatch(bytes, NOW_US);
    expect(decoded.ok || decoded.reason.length > 0).toBe(true);
    expect(decoded.ok || decoded.reason.length < 5_000).toBe(true);
  };
  const valid = batchBytes(NOW_US, {
    ...good,
    flows: [aFlow(NOW_US), aFlow(NOW_US, { flowId: flowId(2) })],
    drops: [aDrop(NOW_US)],
  });
  test("noise", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 4096 }), answers), { numRuns: 2000 });
  });
  test("a good batch with bytes changed", () => {
    const change = fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        answers(bytes);
      }),
      { numRuns: 3000 },
    );
  });
  test("a good batch cut at every byte", () => {
    for (let length = 0; length < valid.length; length++) {
      expect(decodeBatch(valid.subarray(0, length), NOW_US).ok).toBe(false);
    }
  });
  test("any value in place of any member", () => {
    const names = fc.constantFrom(...Object.keys(message(NOW_US)));
    fc.assert(
      fc.property(names, fc.anything(), (name, value) => {
        let bytes: Uint8Array;
        try {
          bytes = Uint8Array.from(pack({ ...message(NOW_US), [name]: value }));
        } catch {
          return; // not every JavaScript value can be packed
        }
        answers(bytes);
      }),
      { numRuns: 2000 },
    );
  });
  test("any bytes in place of any column", () => {
    const whole = message(NOW_US, {
      ...good,
      flows: [aFlow(NOW_US), aFlow(NOW_US)],
      drops: [aDrop(NOW_US)],
    });
    const names = fc.constantFrom(...Object.keys(aFlow(NOW_US)));
    fc.assert(
      fc.property(names, fc.uint8Array({ maxLength: 40 }), (name, bytes) => {
        const flows = { ...(whole.flows as Record<string, Uint8Array>), [name]: bytes };
        answers(Uint8Array.from(pack({ ...whole, flows })));
      }),
      { numRuns: 2000 },
    );
  });
  test("lengths that no message could hold, and endless nesting", () => {
    for (const start of [[0xdd], [0xdf], [0xdb], [0xc6], [0xc9]])
      answers(Uint8Array.from([...start, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    answers(new Uint8Array(1_000_000).fill(0x91));
    answers(new Uint8Array(1_000_000).fill(0x81));
  });
});
