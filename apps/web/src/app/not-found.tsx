/** An address that leads nowhere. Every page carries it along: a plain link saves each of them 3 kB of script. */
import { buttonLook } from "@/ui/button-look.ts";
import { Notice } from "@/ui/notice.tsx";

export default function NotFound() {
  return (
    <main>
      <Notice
        title="There is no such page"
        actions={
          <a href="/overview" className={buttonLook()}>
            Overview
          </a>
        }
      >
        The address may be mistyped, or what it showed may have been removed.
      </Notice>
    </main>
  );
}
