"use client";
/** One's own account, and for those who may: users, agents, the pods' addresses, how long data is kept. */
import { mayCall } from "@millrace/contract/role";
import dynamic from "next/dynamic";
import { parseAsStringLiteral, useQueryState } from "nuqs";
import { Tabs } from "@/ui/tabs.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { useMe } from "@/view/session.ts";
import { AccountPanel } from "./account-panel.tsx";
import { AgentPanel } from "./agent-panel.tsx";
import { RetentionPanel } from "./retention-panel.tsx";
import { UserPanel } from "./user-panel.tsx";

const TABS = ["account", "users", "agents", "network", "retention"] as const;
const NetworkPanel = dynamic(() => import("./network-panel.tsx").then((m) => m.NetworkPanel));

export function SettingsPage() {
  const [tab, setTab] = useQueryState("tab", parseAsStringLiteral(TABS).withDefault("account"));
  const role = useMe()?.role ?? "viewer";
  const tabs = [
    { id: "account", title: "You and your tokens", content: <AccountPanel /> },
    ...(mayCall(role, "users.list") ? [{ id: "users", title: "Users", content: <UserPanel /> }] : []),
    ...(mayCall(role, "agents.list") ? [{ id: "agents", title: "Agents", content: <AgentPanel /> }] : []),
    { id: "network", title: "Network", content: <NetworkPanel /> },
    { id: "retention", title: "Retention", content: <RetentionPanel /> },
  ];
  return (
    <>
      <PageHead title="Settings" />
      <div className="max-w-5xl px-4 pb-8">
        <Tabs
          label="Settings"
          tabs={tabs}
          open={tabs.some((one) => one.id === tab) ? tab : "account"}
          onOpen={(id) => void setTab(id as (typeof TABS)[number])}
        />
      </div>
    </>
  );
}
