/** drop_updates, grouped. What a filter means for a drop is drop-condition's (flow/service.ts). Read only. */
import { pool } from "../db.ts";
import type { Statement } from "../sql.ts";

export type GroupRow = {
  reasonId: number;
  placeId: number;
  hostId: number;
  class: number;
  bucket: number;
  packets: number;
  bytes: number;
  firstSeen: number;
  lastSeen: number;
};
export type EndpointRow = {
  reasonId: number;
  placeId: number;
  hostId: number;
  src: string;
  dst: string;
  dstPort: number;
  proto: number;
  packets: number;
  srcService: string | null;
  dstService: string | null;
};

export const findGroups = (statement: Statement): Promise<GroupRow[]> => rowsOf<GroupRow>(statement);
export const findEndpoints = (statement: Statement): Promise<EndpointRow[]> => rowsOf<EndpointRow>(statement);

async function rowsOf<T extends object>({ text, values }: Statement): Promise<T[]> {
  return (await pool().query<T>(text, values)).rows;
}
