/** The document: fonts, theme and providers. The console's frame is in (console)/layout. */
import "./globals.css";
import { GeistMono } from "geist/font/mono";
import { GeistSans } from "geist/font/sans";
import type { Metadata, Viewport } from "next";
import { cookies, headers } from "next/headers";
import type { ReactNode } from "react";
import { THEME_COOKIE } from "@/ui/theme-cookie.ts";
import { Providers } from "./providers.tsx";

export const metadata: Metadata = {
  title: { default: "Millrace", template: "%s · Millrace" },
  description: "Container networking you can see through",
  robots: { index: false },
};
export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  themeColor: [
    { media: "(prefers-color-scheme: dark)", color: "#0d1013" },
    { media: "(prefers-color-scheme: light)", color: "#ffffff" },
  ],
};

export default async function Layout({ children }: { children: ReactNode }) {
  const nonce = (await headers()).get("x-nonce") ?? undefined;
  const theme = (await cookies()).get(THEME_COOKIE)?.value === "light" ? "" : "dark";
  return (
    <html
      lang="en"
      suppressHydrationWarning
      className={`${theme} ${GeistSans.variable} ${GeistMono.variable}`}
    >
      <body>
        <Providers nonce={nonce}>{children}</Providers>
      </body>
    </html>
  );
}
