import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ApiProvider } from "@/trpc/client.tsx";
import { FleetPage } from "./fleet-page.tsx";

test("the fleet has its heading before its hosts are there", () => {
  const html = renderToStaticMarkup(
    <ApiProvider>
      <FleetPage />
    </ApiProvider>,
  );
  expect(html).toMatch(/<h1[^>]*>Fleet<.*Loading hosts/);
});
