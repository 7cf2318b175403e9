/** An address that leads nowhere. */
import Link from "next/link";
import { buttonLook } from "@/ui/button-look.ts";
import { Notice } from "@/ui/notice.tsx";

export default function NotFound() {
  return (
    <main>
      <Notice
        title="There is no such page"
        actions={
          <Link href="/overview" className={buttonLook()}>
            Overview
          </Link>
        }
      >
        The address may be mistyped, or what it showed may have been removed.
      </Notice>
    </main>
  );
}
