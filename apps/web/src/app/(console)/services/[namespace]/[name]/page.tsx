/** One service. */
import type { Metadata } from "next";
import { ServicePage } from "@/features/service/service-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

type Props = { params: Promise<{ namespace: string; name: string }> };

async function serviceOf({ params }: Props): Promise<{ namespace: string; name: string }> {
  const { namespace, name } = await params;
  return { namespace: decodeURIComponent(namespace), name: decodeURIComponent(name) };
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: (await serviceOf(props)).name };
}

export default async function Page(props: Props) {
  const service = await serviceOf(props);
  await prefetch(trpc.services.get.queryOptions(service));
  return (
    <HydrateClient>
      <ServicePage {...service} />
    </HydrateClient>
  );
}
