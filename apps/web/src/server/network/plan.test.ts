import fc from "fast-check";
import { expect, test } from "vitest";
import { addressesOf, type Endpoint, planPublication, type Stored, touchedBy } from "./plan.ts";

/** Few names and addresses, so that they meet often; as the database would hold them, each address once. */
const aSet = fc
  .uniqueArray(
    fc.record({
      attachmentId: fc.constantFrom("a", "b", "c", "d"),
      address4: fc.option(fc.constantFrom("1", "2", "3")),
      address6: fc.option(fc.constantFrom("x", "y", "z")),
      identityId: fc.integer({ min: 256, max: 257 }),
    }),
    { selector: (one) => one.attachmentId },
  )
  .map((set) => {
    const seen = new Set<string>();
    const once = (text: string | null) => {
      if (text === null || seen.has(text)) return null;
      seen.add(text);
      return text;
    };
    return set
      .map((one) => ({ ...one, address4: once(one.address4), address6: once(one.address6) }))
      .filter((one) => addressesOf(one).length > 0);
  });
const aStored = aSet.chain((set) =>
  fc.tuple(
    ...set.map((one) => fc.integer({ min: 1, max: 5 }).map((generation): Stored => ({ ...one, generation }))),
  ),
);
const byId = (set: readonly Endpoint[]) =>
  set
    .map(({ attachmentId, address4, address6, identityId }) => ({
      attachmentId,
      address4,
      address6,
      identityId,
    }))
    .sort((a, b) => (a.attachmentId < b.attachmentId ? -1 : 1));

/** What stands afterwards: removals first, then insertions, which must find their places free. */
function after(stored: readonly Stored[], plan: ReturnType<typeof planPublication>): Endpoint[] {
  const left = stored.filter((one) => !plan.remove.includes(one));
  const places = [...left, ...plan.insert].flatMap((one) => [one.attachmentId, ...addressesOf(one)]);
  expect(new Set(places).size).toBe(places.length);
  return [...left, ...plan.insert];
}

test("a publication in one part leaves exactly what it names, whatever was there", () => {
  fc.assert(
    fc.property(aStored, aSet, (stored, named) => {
      const plan = planPublication(stored, named, { generation: 6, last: true });
      expect(byId(after(stored, plan))).toEqual(byId(named));
    }),
  );
});

test("a part that isn't the last removes nothing but what is in its way, and keeps its promise", () => {
  fc.assert(
    fc.property(aStored, aSet, (stored, named) => {
      const plan = planPublication(stored, named, { generation: 6, last: false });
      const left = after(stored, plan);
      expect(byId(left)).toEqual(expect.arrayContaining(byId(named)));
      const ids = new Set<string>(named.map((one) => one.attachmentId));
      const taken = new Set(named.flatMap(addressesOf));
      for (const one of plan.remove)
        expect(ids.has(one.attachmentId) || addressesOf(one).some((address) => taken.has(address))).toBe(
          true,
        );
    }),
  );
});

test("the same again touches no address", () => {
  fc.assert(
    fc.property(aStored, (stored) => {
      const plan = planPublication(stored, stored, { generation: 9, last: true });
      expect([touchedBy(plan), plan.keep.length]).toEqual([[], stored.length]);
    }),
  );
});
