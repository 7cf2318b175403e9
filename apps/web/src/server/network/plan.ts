/**
 * What a part of a publication changes: pure. An endpoint that changed is removed and inserted anew, so that addresses
 * may move between attachments in any order.
 */
export type Endpoint = {
  readonly attachmentId: string;
  readonly address4: string | null;
  readonly address6: string | null;
  readonly identityId: number;
};
export type Stored = Endpoint & { readonly generation: number };

export type Plan = {
  readonly remove: readonly Stored[];
  readonly insert: readonly Endpoint[];
  /** Stay as they are. */
  readonly keep: readonly Endpoint[];
};

export function planPublication(
  stored: readonly Stored[],
  named: readonly Endpoint[],
  { generation, last }: { generation: number; last: boolean },
): Plan {
  const before = new Map(stored.map((one) => [one.attachmentId, one]));
  const keep = named.filter((one) => isSame(before.get(one.attachmentId), one));
  const kept = new Set(keep.map((one) => one.attachmentId));
  const insert = named.filter((one) => !kept.has(one.attachmentId));
  const changed = new Set(insert.map((one) => one.attachmentId));
  const taken = new Set(insert.flatMap(addressesOf));
  const remove = stored.filter(
    (one) =>
      !kept.has(one.attachmentId) &&
      (changed.has(one.attachmentId) ||
        addressesOf(one).some((address) => taken.has(address)) ||
        (last && one.generation < generation)),
  );
  return { remove, insert, keep };
}

const isSame = (a: Endpoint | undefined, b: Endpoint): boolean =>
  a?.address4 === b.address4 && a.address6 === b.address6 && a.identityId === b.identityId;

export const addressesOf = ({ address4, address6 }: Endpoint): string[] =>
  [address4, address6].filter((address) => address !== null);

/** Of whose addresses something is otherwise than before. */
export const touchedBy = ({ remove, insert }: Plan): string[] => [
  ...new Set([...remove, ...insert].flatMap(addressesOf)),
];
