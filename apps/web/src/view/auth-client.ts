"use client";
/** better-auth as the browser calls it: sign-in and sign-out. Loaded only where one of them happens. */
import { createAuthClient } from "better-auth/client";

export const authClient = createAuthClient({ basePath: "/api/auth" });
