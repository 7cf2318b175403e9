import { AppError } from "@millrace/contract/error";
import type { Overview } from "@millrace/contract/overview";
export async function getOverview(_i: object): Promise<Overview> {
  throw new AppError("INTERNAL", "being written");
}
