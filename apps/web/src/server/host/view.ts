import { AppError } from "@millrace/contract/error";
import type { HostDetail, HostSummary } from "@millrace/contract/host";
export async function listHosts(): Promise<HostSummary[]> {
  throw new AppError("INTERNAL", "being written");
}
export async function getHost(_n: string, _r: object): Promise<HostDetail> {
  throw new AppError("INTERNAL", "being written");
}

export { completenessFor } from "./service.ts";
