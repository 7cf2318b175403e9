/** Who may sign in, and as what. Nobody signs up: an admin makes the accounts. */
import { ROLES } from "@millrace/contract/role";
import { CreateUserInput, type UserView } from "@millrace/contract/setting";
import { z } from "zod";
import { protectedProcedure, router } from "../trpc.ts";
import { createUser, listUsers, removeUser, setUserRole } from "../user/service.ts";

const UserId = z.string().min(1).max(100);

export const usersRouter = router({
  list: protectedProcedure.query((): Promise<UserView[]> => listUsers()),
  create: protectedProcedure
    .input(CreateUserInput)
    .mutation(({ input, ctx }): Promise<UserView> => createUser(input, ctx.me)),
  setRole: protectedProcedure
    .input(z.object({ id: UserId, role: z.enum(ROLES) }))
    .mutation(({ input, ctx }): Promise<UserView> => setUserRole(input.id, input.role, ctx.me)),
  remove: protectedProcedure
    .input(z.object({ id: UserId }))
    .mutation(({ input, ctx }): Promise<{ id: string }> => removeUser(input.id, ctx.me)),
});
