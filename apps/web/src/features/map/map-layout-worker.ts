/** The layout's engine in a thread of its own: some 1.5 MB of script, and a second of work for a large map. */
import "elkjs/lib/elk-worker.min.js";
