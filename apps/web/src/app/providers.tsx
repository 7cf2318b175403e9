"use client";
/** What every page stands in: theme, address state, API, tooltips, messages. */
import { ThemeProvider } from "next-themes";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import type { ReactNode } from "react";
import { ApiProvider } from "@/trpc/client.tsx";
import { Toasts } from "@/ui/toast.tsx";
import { TooltipProvider } from "@/ui/tooltip.tsx";

/** Radix's scroll lock inserts a style element; it looks for the page's nonce under this name. */
function giveNonce(nonce: string | undefined): void {
  if (typeof window !== "undefined" && nonce) Object.assign(globalThis, { __webpack_nonce__: nonce });
}

export function Providers({ children, nonce }: { children: ReactNode; nonce?: string }) {
  giveNonce(nonce);
  return (
    <ThemeProvider attribute="class" defaultTheme="dark" nonce={nonce} disableTransitionOnChange>
      <NuqsAdapter>
        <ApiProvider>
          <TooltipProvider>
            {children}
            <Toasts />
          </TooltipProvider>
        </ApiProvider>
      </NuqsAdapter>
    </ThemeProvider>
  );
}
