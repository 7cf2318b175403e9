/** What people declare: namespaces, policies, services and endpoint slices. */
import {
  DeleteDocumentsInput,
  type DeletedDocuments,
  DocumentName,
  DocumentsInput,
  type DocumentsOutput,
  type DocumentView,
  ListDocumentsInput,
  type WholeDocumentView,
} from "@millrace/contract/document";
import { apply, check, get, list, remove } from "../document/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const documentsRouter = router({
  list: protectedProcedure
    .input(ListDocumentsInput)
    .query(({ input }): Promise<DocumentView[]> => list(input)),
  get: protectedProcedure.input(DocumentName).query(({ input }): Promise<WholeDocumentView> => get(input)),
  check: protectedProcedure
    .input(DocumentsInput)
    .query(({ input }): Promise<DocumentsOutput> => check(input)),
  applyAll: protectedProcedure
    .input(DocumentsInput)
    .mutation(({ input, ctx }): Promise<DocumentsOutput> => apply(input, ctx.me)),
  delete: protectedProcedure
    .input(DeleteDocumentsInput)
    .mutation(({ input, ctx }): Promise<DeletedDocuments> => remove(input, ctx.me)),
});
