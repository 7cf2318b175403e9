/**
 * What an end is called on the map, as a text that the database makes and this reads. The same for names of rollups
 * and for workloads of flows, or an end would change its node with the way it was summed up.
 */
import type { MapNode } from "@millrace/contract/map";
import { MAP_NODE_KINDS, type MapGroup, type MapNodeKind } from "@millrace/contract/map-choice";

/** Of kinds that stand alone the id is the kind; of the others, the kind and the name that rollups have. */
export function nodeOf(id: string): MapNode {
  const space = id.indexOf(" ");
  const kind = kindOf(space < 0 ? id : id.slice(0, space));
  const whole = space < 0 ? kind : id.slice(space + 1);
  const slash = kind === "service" || kind === "pod" ? whole.indexOf("/") : -1;
  return {
    id,
    kind,
    name: whole.slice(slash + 1),
    namespace: slash < 0 ? null : whole.slice(0, slash),
  };
}
const kindOf = (text: string): MapNodeKind => MAP_NODE_KINDS.find((kind) => kind === text) ?? "other";

/** Over a rollup's name `n`. By host there is none: rollups know the observer's. */
export const NAME_NODE: Readonly<Record<Exclude<MapGroup, "host">, string>> = {
  service: `case n.kind when 'external' then 'outside' when 'other' then 'other' else n.kind || ' ' || n.name end`,
  namespace: `case when n.kind = 'external' then 'outside' when n.kind in ('other', 'host') then n.kind ||
      case n.kind when 'host' then ' ' || n.name else '' end
    when position('/' in n.name) > 0 then 'namespace ' || split_part(n.name, '/', 1) else 'unplaced' end`,
};

const OUTSIDE = "w.id is null or w.kind = 'external'";
const WITHIN = "coalesce(nullif(w.namespace, '') || '/', '')";
/** Over a workload `w`, which may be missing, and its host `h`; as ingest names an end (rollup-name.ts). */
export const WORKLOAD_NODE: Readonly<Record<MapGroup, string>> = {
  service: `case when ${OUTSIDE} then 'outside'
    when w.service <> '' then 'service ' || ${WITHIN} || w.service
    when w.kind = 'host' then 'host ' || coalesce(h.name, '')
    when w.pod <> '' then 'pod ' || ${WITHIN} || w.pod else 'outside' end`,
  namespace: `case when ${OUTSIDE} then 'outside'
    when w.namespace <> '' and (w.service <> '' or w.kind <> 'host') then 'namespace ' || w.namespace
    when w.kind = 'host' then 'host ' || coalesce(h.name, '')
    when w.service <> '' or w.pod <> '' then 'unplaced' else 'outside' end`,
  host: `case when ${OUTSIDE} then 'outside' when h.name is null then 'unplaced' else 'host ' || h.name end`,
};
