/* Prints what filters of classic tc carry on the running kernel, as a line of JSON; tools/vm runs it on an older one. */
import { carriedBy } from "./carried.ts";

console.log(JSON.stringify(carriedBy("tc")));
