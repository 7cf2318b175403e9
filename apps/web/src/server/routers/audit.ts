/** Who did what, newest first. */
import { type AuditEntry, AuditListInput } from "@millrace/contract/setting";
import { listEntries } from "../audit/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

type AuditPage = { entries: AuditEntry[]; nextCursor: string | null };

export const auditRouter = router({
  list: protectedProcedure.input(AuditListInput).query(({ input }): Promise<AuditPage> => listEntries(input)),
});
