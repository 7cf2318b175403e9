/** Reads the map's edges. What a statement asks is edge-sql.ts's. */
import { pool } from "../db.ts";
import type { Statement } from "../sql.ts";

/** An edge, with what all edges of the answer come to, those that are left out included. */
export type EdgeRow = {
  src: string;
  dst: string;
  bytes: number;
  packets: number;
  opened: number;
  drops: number;
  retransmits: number;
  slow: number;
  fast: number;
  wouldDrop: number;
  sketch: number[] | null;
  allEdges: number;
  allBytes: number;
  allOpened: number;
  allDrops: number;
};

export const findEdges = async ({ text, values }: Statement): Promise<EdgeRow[]> =>
  (await pool().query<EdgeRow>(text, values)).rows;
