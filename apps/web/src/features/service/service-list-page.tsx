"use client";
/** Who finds whom? All services, by a text and in an order. */
import type { ServiceView } from "@millrace/contract/declared";
import { count, text } from "@millrace/contract/units";
import { useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { CodeText } from "@/ui/code-text.tsx";
import { ColumnMenu } from "@/ui/column-menu.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { inputLook } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { Answer } from "@/view/answer.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { useHref } from "@/view/url-state.ts";
import { SERVICE_COLUMNS } from "./service-columns.tsx";
import { arrangeServices, type ServiceSort, serviceParams } from "./service-order.ts";
import { readyOf, serviceName } from "./service-words.ts";

const REFRESH_MS = 10_000;

export function ServiceListPage() {
  const trpc = useTRPC();
  const query = useQuery(trpc.services.list.queryOptions(undefined, { refetchInterval: REFRESH_MS }));
  return (
    <div className="flex h-full min-h-0 flex-col">
      {!query.data && <PageHead title="Services" />}
      <Answer query={query} skeleton={<SkeletonRows rows={12} label="Loading services" />}>
        {(services) => (services.length === 0 ? <NoServices /> : <ServiceTable services={services} />)}
      </Answer>
    </div>
  );
}

function ServiceTable({ services }: { services: readonly ServiceView[] }) {
  const [{ sort, find, service }, set] = useQueryStates(serviceParams);
  const columns = useColumns("services", SERVICE_COLUMNS);
  const router = useRouter();
  const link = useHref();
  const shown = useMemo(() => arrangeServices(services, find, sort), [services, find, sort]);
  const empty = services.filter((one) => readyOf(one) === 0).length;
  return (
    <>
      <PageHead
        title="Services"
        summary={
          <>
            {text(count(services.length))}
            {empty > 0 && <span className="text-warn">, ▲ {empty} without a ready backend</span>}
          </>
        }
        actions={
          <>
            <input
              aria-label="Find services"
              placeholder="Name, address, port"
              className={`${inputLook} w-48!`}
              value={find}
              onChange={(event) => void set({ find: event.target.value || null })}
            />
            <ColumnMenu columns={columns} />
          </>
        }
      />
      <div className="min-h-0 grow border-t border-line">
        <DataTable
          label="Services"
          columns={columns}
          rows={shown}
          rowKey={serviceName}
          sort={sort}
          onSort={(key) =>
            void set({
              sort: { key: key as ServiceSort, descending: sort.key === key && !sort.descending },
            })
          }
          selected={service}
          onSelect={(row) => void set({ service: serviceName(row) })}
          onOpen={(row) => router.push(link(`/services/${serviceName(row)}`))}
          empty={
            <Notice
              title={`None of ${services.length} services has “${find}” in its name, addresses or ports.`}
              actions={<Button onClick={() => void set({ find: null })}>Show all</Button>}
            />
          }
        />
      </div>
    </>
  );
}

function NoServices() {
  return (
    <>
      <PageHead title="Services" />
      <Notice title="No service is declared.">
        <CodeText text="A service gives pods a virtual address that doesn't change. Write it as Kubernetes does and apply it: `millrace apply -f service.yaml`." />
      </Notice>
    </>
  );
}
