import type { DropGroup, DropSummary } from "@millrace/contract/drop";
import { AppError } from "@millrace/contract/error";
export async function summarizeDrops(_i: object): Promise<DropSummary> {
  throw new AppError("INTERNAL", "being written");
}
export async function getDropGroup(_i: object): Promise<DropGroup> {
  throw new AppError("INTERNAL", "being written");
}
