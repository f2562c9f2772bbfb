-- Portolan's public topics in ClickHouse: what docs/results-topic.md promises, as tables that anything can chart.
--
--   sed -e 's|@BROKER@|broker1:9092|' -e 's|@PREFIX@|portolan.|' -e 's|@REGISTRY@|http://reader:TOKEN@127.0.0.1:7070|' portolan.sql | clickhouse-client --multiquery
--
-- @REGISTRY@ is the coordinator (any user name, an API token as password) or your schema registry. Each topic has three objects: a queue that
-- reads it (librdkafka's default is read_committed), the table that keeps it, and the view that moves rows from one to the other.
--
-- Upsert by key: ReplacingMergeTree keeps the row with the highest `revision` of each sorting key, when it merges. So ask with FINAL, or by
-- argMax(..., revision). A field that a later release adds is ignored until you add the column to queue and table; a column that an
-- older record does not have gets its default. What a replay needs (problem_yaml, kernel_source, ...) is left out.
CREATE DATABASE IF NOT EXISTS portolan;

CREATE TABLE portolan.results_queue
(
    task_id              String,
    result_id            String,
    revision             Int64,
    status               String,
    promotion            Nullable(String),
    promotion_id         Nullable(String),
    promotion_outcome    Nullable(String),
    promotion_evidence   String,
    promotion_device     String,
    first_node           Nullable(String),
    first_device         Nullable(String),
    first_time_ns_p50    Nullable(Float64),
    first_speedup        Nullable(Float64),
    first_speedup_low    Nullable(Float64),
    first_speedup_high   Nullable(Float64),
    winners_curse        Nullable(Float64),
    campaign             String,
    campaign_name        String,
    purpose              String,
    kind                 String,
    problem              String,
    problem_hash         String,
    size                 String,
    target               String,
    strategy             String,
    kernel               String,
    kernel_hash          String,
    config               String,
    generality           String,
    precision            String,
    outcome              String,
    verdict              Nullable(String),
    evidence             String,
    audit                String,
    busy                 String,
    node                 Nullable(String),
    device               Nullable(String),
    device_name          Nullable(String),
    driver_version       Nullable(String),
    fingerprint          Nullable(String),
    sandbox              String,
    attempts             Int32,
    time_ns_p50          Nullable(Float64),
    speedup              Nullable(Float64),
    speedup_low          Nullable(Float64),
    speedup_high         Nullable(Float64),
    baseline             Nullable(String),
    baseline_time_ns_p50 Nullable(Float64),
    gflops               Nullable(Float64),
    gbps                 Nullable(Float64),
    speed_of_light       Nullable(Float64),
    weak_baseline        Bool,
    counts               Array(Tuple(verdict String, n Int64)),
    finished_ms          Int64,
    accepted_ms          Int64,
    deduplicated_from    Nullable(String)
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '@BROKER@', kafka_topic_list = '@PREFIX@results', kafka_group_name = 'portolan.consumer-clickhouse-results',
    kafka_format = 'AvroConfluent', format_avro_schema_registry_url = '@REGISTRY@', input_format_avro_allow_missing_fields = 1,
    kafka_handle_error_mode = 'stream';

CREATE TABLE portolan.results
(
    task_id              String,
    result_id            String,
    revision             Int64,
    status               LowCardinality(String),
    promotion            Nullable(String),
    promotion_id         Nullable(String),
    promotion_outcome    LowCardinality(Nullable(String)),
    promotion_evidence   String,
    promotion_device     LowCardinality(String),
    first_node           LowCardinality(Nullable(String)),
    first_device         LowCardinality(Nullable(String)),
    first_time_ns_p50    Nullable(Float64),
    first_speedup        Nullable(Float64),
    first_speedup_low    Nullable(Float64),
    first_speedup_high   Nullable(Float64),
    winners_curse        Nullable(Float64),
    campaign             String,
    campaign_name        LowCardinality(String),
    purpose              LowCardinality(String),
    kind                 LowCardinality(String),
    problem              LowCardinality(String),
    problem_hash         String,
    size                 LowCardinality(String),
    target               LowCardinality(String),
    strategy             LowCardinality(String),
    kernel               String,
    kernel_hash          String,
    config               String,
    generality           LowCardinality(String),
    precision            LowCardinality(String),
    outcome              LowCardinality(String),
    verdict              LowCardinality(Nullable(String)),
    evidence             String,
    audit                String,
    busy                 String,
    node                 LowCardinality(Nullable(String)),
    device               LowCardinality(Nullable(String)),
    device_name          LowCardinality(Nullable(String)),
    driver_version       LowCardinality(Nullable(String)),
    fingerprint          Nullable(String),
    sandbox              LowCardinality(String),
    attempts             Int32,
    time_ns_p50          Nullable(Float64),
    speedup              Nullable(Float64),
    speedup_low          Nullable(Float64),
    speedup_high         Nullable(Float64),
    baseline             LowCardinality(Nullable(String)),
    baseline_time_ns_p50 Nullable(Float64),
    gflops               Nullable(Float64),
    gbps                 Nullable(Float64),
    speed_of_light       Nullable(Float64),
    weak_baseline        Bool,
    counts               Array(Tuple(verdict String, n Int64)),
    finished_ms          Int64,
    accepted_ms          Int64,
    deduplicated_from    Nullable(String),
    finished DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(finished_ms),
    accepted DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(accepted_ms)
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY task_id;

CREATE MATERIALIZED VIEW portolan.results_reader TO portolan.results AS
SELECT * FROM portolan.results_queue WHERE length(_error) = 0;

CREATE TABLE portolan.measurements_queue
(
    task_id            String,
    attempt_id         String,
    revision           Int64,
    purpose            String,
    campaign           String,
    campaign_name      String,
    problem            String,
    target             String,
    node               String,
    device             String,
    device_name        String,
    driver_version     String,
    fingerprint        String,
    finished_ms        Int64,
    candidate          String,
    kernel             String,
    config             String,
    precision          String,
    size               String,
    role               String,
    verdict            String,
    time_ns_p10        Nullable(Float64),
    time_ns_p50        Nullable(Float64),
    time_ns_p90        Nullable(Float64),
    sets               Int32,
    windows            Int32,
    quads_dropped      Int32,
    foreign_share      Nullable(Float64),
    speedup            Nullable(Float64),
    speedup_low        Nullable(Float64),
    speedup_high       Nullable(Float64),
    speedup_confidence Float64,
    baseline           Nullable(String),
    flops              Float64,
    bytes_least        Float64,
    gflops             Nullable(Float64),
    gbps               Nullable(Float64),
    speed_of_light     Nullable(Float64),
    error_max          Nullable(Float64),
    error_rms          Nullable(Float64)
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '@BROKER@', kafka_topic_list = '@PREFIX@measurements', kafka_group_name = 'portolan.consumer-clickhouse-measurements',
    kafka_format = 'AvroConfluent', format_avro_schema_registry_url = '@REGISTRY@', input_format_avro_allow_missing_fields = 1,
    kafka_handle_error_mode = 'stream';

CREATE TABLE portolan.measurements
(
    task_id            String,
    attempt_id         String,
    revision           Int64,
    purpose            LowCardinality(String),
    campaign           String,
    campaign_name      LowCardinality(String),
    problem            LowCardinality(String),
    target             LowCardinality(String),
    node               LowCardinality(String),
    device             LowCardinality(String),
    device_name        LowCardinality(String),
    driver_version     LowCardinality(String),
    fingerprint        String,
    finished_ms        Int64,
    candidate          String,
    kernel             String,
    config             String,
    precision          LowCardinality(String),
    size               LowCardinality(String),
    role               LowCardinality(String),
    verdict            LowCardinality(String),
    time_ns_p10        Nullable(Float64),
    time_ns_p50        Nullable(Float64),
    time_ns_p90        Nullable(Float64),
    sets               Int32,
    windows            Int32,
    quads_dropped      Int32,
    foreign_share      Nullable(Float64),
    speedup            Nullable(Float64),
    speedup_low        Nullable(Float64),
    speedup_high       Nullable(Float64),
    speedup_confidence Float64,
    baseline           LowCardinality(Nullable(String)),
    flops              Float64,
    bytes_least        Float64,
    gflops             Nullable(Float64),
    gbps               Nullable(Float64),
    speed_of_light     Nullable(Float64),
    error_max          Nullable(Float64),
    error_rms          Nullable(Float64),
    finished DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(finished_ms)
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(finished)
ORDER BY (problem, target, attempt_id, candidate, kernel, size, role);

CREATE MATERIALIZED VIEW portolan.measurements_reader TO portolan.measurements AS
SELECT * FROM portolan.measurements_queue WHERE length(_error) = 0;

-- Records that could not be read (a registry that was away, ids of another one), with the reason.
CREATE TABLE portolan.unreadable
(
    topic     LowCardinality(String),
    partition Int64,
    offset    Int64,
    error     String,
    seen      DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (topic, partition, offset)
TTL seen + INTERVAL 90 DAY;

CREATE MATERIALIZED VIEW portolan.results_unreadable TO portolan.unreadable AS
SELECT _topic AS topic, _partition AS partition, _offset AS offset, _error AS error FROM portolan.results_queue WHERE length(_error) > 0;

CREATE MATERIALIZED VIEW portolan.measurements_unreadable TO portolan.unreadable AS
SELECT _topic AS topic, _partition AS partition, _offset AS offset, _error AS error FROM portolan.measurements_queue WHERE length(_error) > 0;

-- Examples -----------------------------------------------------------------------------------------------------------
-- The best confirmed kernel of each cell:
--   SELECT problem, target, size, argMin(kernel, time_ns_p50) AS kernel, min(time_ns_p50) / 1e6 AS ms FROM portolan.results FINAL
--   WHERE status = 'confirmed' GROUP BY problem, target, size ORDER BY problem, target;
-- How a kernel's time moved on one device, night by night:
--   SELECT toDate(finished) AS night, quantileExact(0.5)(time_ns_p50) / 1e6 AS ms FROM portolan.measurements FINAL
--   WHERE problem = 'softmax' AND node = 'lab1' AND device = 'pocl-cpu' AND role = 'candidate' AND verdict = 'correct' GROUP BY night ORDER BY night;
