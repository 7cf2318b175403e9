"use client";
/** What every page stands in: address state, API, messages. */
import { NuqsAdapter } from "nuqs/adapters/next/app";
import type { ReactNode } from "react";
import { ApiProvider } from "@/trpc/client.tsx";
import { Toasts } from "@/ui/toast.tsx";

/** Radix's scroll lock inserts a style element; it looks for the page's nonce under this name. */
function giveNonce(nonce: string | undefined): void {
  if (typeof window !== "undefined" && nonce) Object.assign(globalThis, { __webpack_nonce__: nonce });
}

export function Providers({ children, nonce }: { children: ReactNode; nonce?: string }) {
  giveNonce(nonce);
  return (
    <NuqsAdapter>
      <ApiProvider>
        {children}
        <Toasts />
      </ApiProvider>
    </NuqsAdapter>
  );
}
