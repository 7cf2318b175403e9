-- Of flows that Millrace's dataplane carries; null where another does, where there is nothing to tell, and in what older
-- agents told.
ALTER TABLE "flow_updates" ADD COLUMN     "revision" BIGINT,
ADD COLUMN     "rule" BIGINT,
ADD COLUMN     "slow_packets" BIGINT,
ADD COLUMN     "way" SMALLINT;

-- Packets of counted updates by the path tier that carried them.
ALTER TABLE "rollup_10s" ADD COLUMN     "fast_packets" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "slow_packets" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "rollup_1m" ADD COLUMN     "fast_packets" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "slow_packets" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "rollup_1h" ADD COLUMN     "fast_packets" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "slow_packets" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "total_10s" ADD COLUMN     "fast_packets" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "slow_packets" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "total_1m" ADD COLUMN     "fast_packets" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "slow_packets" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "total_1h" ADD COLUMN     "fast_packets" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "slow_packets" BIGINT NOT NULL DEFAULT 0;
