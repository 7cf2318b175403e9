/** Two hosts, a flow between them that both report, one to the outside, drops: through the real ingest. Test material. */
import { ruleNumber } from "@millrace/contract/rule-number";
import { VERDICT_NUMBER, WAY_NUMBER } from "@millrace/contract/verdict";
import {
  aDrop,
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  type FlowRow,
  flowId,
  ip,
  newIncarnation,
  SECOND_US,
} from "./agent-batch.ts";
import { aHeartbeat, aHello } from "./hosts.ts";
import { IngestInstance } from "./ingest-instance.ts";

export type Shop = { ingest: IngestInstance; nowMs: number };
const INTERVALS = 30;

/** Thirty seconds of traffic that end now. */
export async function openShop(databaseUrl: string): Promise<Shop> {
  const ingest = await IngestInstance.start(databaseUrl);
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const incarnations = [newIncarnation(), newIncarnation()];
  const credentials = [await ingest.enrol("h1"), await ingest.enrol("h2")];
  for (const [at, credential] of credentials.entries()) {
    const incarnation = incarnations[at] as (typeof incarnations)[number];
    await ingest.call("agent.hello", aHello({ incarnation }), credential);
    await ingest.call("agent.heartbeat", aHeartbeat({ incarnation }), credential);
  }
  for (let i = 0; i < INTERVALS; i++) {
    const us = (nowMs - (INTERVALS - 1 - i) * 1000) * 1000;
    const head = { sequence: i + 1, workloads: [WEB, CHECKOUT] };
    const own = (at: number) => ({ ...head, incarnation: incarnations[at] as (typeof incarnations)[number] });
    await push(ingest, credentials[0], us, {
      ...own(0),
      endpoints: [webEnd()],
      flows: fromWeb(us, nowMs * 1000),
    });
    await push(ingest, credentials[1], us, {
      ...own(1),
      ...{
        endpoints: [checkoutEnd()],
        flows: atCheckout(us, nowMs * 1000),
        reasons: ["NO_SOCKET"],
        places: ["tcp_v4_rcv"],
      },
      drops: [
        aDrop(us, {
          srcPort: 42_000 + INTERVALS - 1 - i,
          dstPort: 9999,
          srcWorkload: 1,
          dstWorkload: 2,
          packets: 2,
          bytes: 120,
        }),
      ],
    });
  }
  return { ingest, nowMs };
}

async function push(
  ingest: IngestInstance,
  credential: string | undefined,
  us: number,
  parts: object,
): Promise<void> {
  const answer = await ingest.push(batchBytes(us, parts), credential ?? "");
  if (answer.status !== 200) throw new Error(`the batch was refused: ${JSON.stringify(answer.error)}`);
}

const WEB = aWorkload({ pod: "web-1", service: "web", labels: { app: "web" } });
const CHECKOUT = aWorkload({ pod: "checkout-1", service: "checkout" });
const webEnd = () => anEndpoint({ uid: "h1:web", workload: 1, addresses: ["10.0.0.1"] });
const checkoutEnd = () => anEndpoint({ uid: "h2:checkout", workload: 2, addresses: ["10.0.0.2"] });

/** One flow of the whole time, and each second a short one to the outside, which a policy that only observes would drop. */
function fromWeb(us: number, endUs: number): FlowRow[] {
  const n = Math.round((endUs - us) / SECOND_US);
  return [
    aFlow(us, {
      flowId: flowId(1),
      firstSeen: endUs - 40 * SECOND_US,
      srcWorkload: 1,
      dstWorkload: 2,
      rttUs: 1000,
      ...{ carried: 1, way: WAY_NUMBER.overlay, slowPackets: 1, rule: ruleNumber(12, 3), revision: 7 },
    }),
    aFlow(us, {
      ...{ flowId: flowId(100 + n), srcPort: 41_000 + n, dst: ip("1.1.1.1"), dstPort: 443, srcWorkload: 1 },
      ...{ firstSeen: us - 1000, retransmits: 1, verdict: VERDICT_NUMBER["would-drop"] },
      ...{ carried: 1, way: WAY_NUMBER.host, slowPackets: 3, rule: ruleNumber(9, 0), revision: 7 },
    }),
  ];
}

/** The long one as the other end saw it, and each second one that nobody listened for. */
function atCheckout(us: number, endUs: number): FlowRow[] {
  const n = Math.round((endUs - us) / SECOND_US);
  const there = { observer: 1, srcWorkload: 1, dstWorkload: 2 };
  return [
    aFlow(us, {
      ...{ flowId: flowId(2), firstSeen: endUs - 40 * SECOND_US + 500, ...there },
      ...{ carried: 1, way: WAY_NUMBER.overlay, slowPackets: 0, rule: ruleNumber(4, 1), revision: 8 },
    }),
    aFlow(us, {
      ...{ flowId: flowId(200 + n), srcPort: 42_000 + n, dstPort: 9999, ...there },
      ...{ firstSeen: us - 1000, verdict: 1, dropReason: 1, drops: 2 },
    }),
  ];
}
