/**
 * How much script a page loads first, gzipped, against design's 200 kB. `node --import tsx bench/bundle.ts`
 * after a build. It measures bytes, not time.
 */
import { pageScripts } from "./page-scripts.ts";
import { writeResult } from "./result.ts";

const GOAL_BYTES = 200_000;

const pages = pageScripts();
writeResult("bundle", {
  question: "how much script does a page load first?",
  method:
    "each file that the built manifests name for a page (runtime, layouts, error page, page) compressed by itself with gzip; what a page fetches afterwards is not counted",
  findings: pages.map(({ page, gzipped, bytes, files }) => ({
    what: `first script of ${page}, gzipped`,
    goal: `≤ ${GOAL_BYTES / 1000} kB`,
    measured: `${(gzipped / 1000).toFixed(1)} kB (${files} files, ${(bytes / 1000).toFixed(0)} kB unpacked)`,
    met: gzipped <= GOAL_BYTES,
  })),
  figures: pages,
});
