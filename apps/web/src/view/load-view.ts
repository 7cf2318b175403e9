/** Reads a page's time and filter out of its request. For server components only: browsers use url-state.ts. */
import { createLoader } from "nuqs/server";
import { viewParams } from "./url-params.ts";

export const loadView = createLoader(viewParams);
