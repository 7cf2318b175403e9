/*
 * One verdict: random packets become the same by the slow path, by the fast path, and by the model that is written from the
 * documents (model/). A failure prints what repeats it: MILLRACE_SEED=… and, of that seed's cases, the one it stands in.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Differential, FLOWS } from "./differential.ts";
import { Traffic } from "./random-traffic.ts";
import { addressIn, changedWorld, Random, randomWorld } from "./random-world.ts";

const SEED = Number(process.env.MILLRACE_SEED ?? Date.now() % 2 ** 31);
const IS_SOAK = process.env.MILLRACE_SOAK === "1";
const PACKETS = IS_SOAK ? 120_000 : 10_000;
const PACKETS_A_CASE = 400;

let differential: Differential;
beforeAll(() => {
  differential = new Differential();
});
afterAll(() => differential[Symbol.dispose]());

/** Of one world and its changes. */
function runCase(seed: number): void {
  const random = new Random(seed);
  differential.begin(randomWorld(random, differential.devices), random.may(20) ? 12 : FLOWS);
  const traffic = new Traffic(random, natPort);
  for (let index = 0; index < PACKETS_A_CASE; index++) {
    const sent = traffic.next();
    try {
      traffic.saw(sent, ...outcome(differential.send(sent)));
      if (random.may(1)) differential.change(changedWorld(random, differential.world));
      if (random.may(1)) retireOne(random);
    } catch (error) {
      throw new Error(`seed ${SEED}, case ${seed}, packet ${index}`, { cause: error });
    }
  }
  try {
    differential.settle();
  } catch (error) {
    throw new Error(`seed ${SEED}, case ${seed}, at its end`, { cause: error });
  }
}

const outcome = ({ fate, frame }: { fate: string; frame: Buffer }) => [fate, frame] as const;

/** As the agent does: marked, and taken out a while later. */
function retireOne(random: Random): void {
  const retired = differential.flows.find(({ isRetired }) => isRetired);
  if (retired) differential.remove(retired);
  else if (differential.flows.length > 0) differential.retire(random.one(differential.flows));
}

function natPort(pod: string, peer: string, sport: number, dport: number, proto: number): number | undefined {
  const [saddr, daddr] = [addressIn(pod), addressIn(peer)];
  return differential.flows.find(
    ({ nat, flow }) =>
      nat &&
      flow.proto === proto &&
      flow.saddr === saddr &&
      flow.daddr === daddr &&
      flow.sport === sport &&
      flow.dport === dport,
  )?.nat?.port;
}

// Not in `npm test` yet: a few packets in 10,000 pass by another rule in the kernel than in the model, both path tiers alike.
test.runIf(IS_SOAK || process.env.MILLRACE_SEED !== undefined)(
  `the slow path, the fast path and the model agree (seed ${SEED}, ${PACKETS} packets)`,
  {
    timeout: 3_600_000,
  },
  () => {
    console.info(`seed ${SEED}`);
    for (let n = 0; n < PACKETS / PACKETS_A_CASE; n++) runCase((SEED + n) >>> 0);
    const { fast, slow } = differential.carried;
    console.info(`by the fast path ${fast}, by the slow path ${slow}`);
    // A sample of which hardly any took the fast path would show little.
    expect(fast).toBeGreaterThan((fast + slow) / 10);
  },
);
