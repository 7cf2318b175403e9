"use client";
import { mayCall, type Procedure } from "@millrace/contract/role";
/** The way from page to page. Links keep the time; on narrow screens only the icons stay, on phones a menu. */
import Link from "next/link";
import { usePathname } from "next/navigation";
import { classNames } from "@/ui/class-names.ts";
import { Icon, type IconName } from "@/ui/icon.tsx";
import { useMe } from "@/view/session.ts";
import { useHref } from "@/view/url-state.ts";

type Page = { path: string; title: string; question: string; icon: IconName; needs?: Procedure };
export const PAGES: readonly Page[] = [
  { path: "/overview", title: "Overview", question: "Is the fleet well?", icon: "overview" },
  { path: "/flows", title: "Flows", question: "Who talks to whom, how well?", icon: "flows" },
  { path: "/map", title: "Map", question: "What depends on what?", icon: "map" },
  { path: "/drops", title: "Drops", question: "What is dropped, where and why?", icon: "drops" },
  { path: "/traces", title: "Traces", question: "Show me, inside", icon: "traces" },
  { path: "/policies", title: "Policies", question: "Who may talk to whom?", icon: "policies" },
  { path: "/services", title: "Services", question: "Who finds whom?", icon: "services" },
  { path: "/hosts", title: "Fleet", question: "Which hosts, in what state?", icon: "hosts" },
  { path: "/audit", title: "Audit", question: "Who did what?", icon: "audit", needs: "audit.list" },
  {
    path: "/settings",
    title: "Settings",
    question: "Users, tokens, agents, network, retention",
    icon: "settings",
  },
];

export function usePages(): readonly Page[] {
  const me = useMe();
  return PAGES.filter((page) => !page.needs || (me && mayCall(me.role, page.needs)));
}

export function NavLinks({ wide, onGo }: { wide?: boolean; onGo?: () => void }) {
  const path = usePathname();
  const link = useHref();
  return (
    <ul className="flex flex-col gap-0.5">
      {usePages().map(({ path: to, title, question, icon }) => {
        const here = path === to || path.startsWith(`${to}/`);
        return (
          <li key={to}>
            <Link
              href={link(to)}
              onClick={onGo}
              aria-current={here ? "page" : undefined}
              title={question}
              className={classNames(
                "flex h-8 items-center gap-2.5 rounded-md px-2.5",
                here ? "bg-surface-2 text-text-1" : "text-text-2 hover:bg-surface-2 hover:text-text-1",
              )}
            >
              <Icon name={icon} size={16} />
              <span className={wide ? undefined : "max-rail:sr-only"}>{title}</span>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}

export function Wordmark() {
  return (
    <Link href="/overview" className="flex h-8 items-center gap-2.5 px-2.5">
      <svg viewBox="0 0 32 32" width="18" height="18" aria-hidden="true" className="shrink-0 text-accent">
        <path
          d="M2 11h8l6-5 6 5h8M2 21h8l6 5 6-5h8"
          fill="none"
          stroke="currentColor"
          strokeWidth="3"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
        <circle cx="16" cy="16" r="3" className="fill-text-1" />
      </svg>
      <span className="font-medium tracking-tight max-rail:sr-only">Millrace</span>
    </Link>
  );
}
