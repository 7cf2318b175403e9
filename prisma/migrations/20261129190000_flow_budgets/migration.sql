-- A class more that no flow got: overBudget (packets are element 22). Rows of older agents end before it.
DROP INDEX "endpoint_updates_unattributed_idx";
CREATE INDEX "endpoint_updates_unattributed_idx" ON "endpoint_updates" ("ts")
    WHERE "egress"[10] <> 0 OR "egress"[13] <> 0 OR "egress"[22] <> 0
        OR "ingress"[10] <> 0 OR "ingress"[13] <> 0 OR "ingress"[22] <> 0;
