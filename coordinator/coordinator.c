/* Putting the parts together, and taking them apart in an order in which nobody waits for who is gone. */
#include "coordinator/coordinator.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/log.h"
#include "common/random.h"
#include "common/secrets.h"
#include "coordinator/api/server.h"
#include "coordinator/link/link.h"
#include "coordinator/loop.h"
#include "coordinator/publish/publisher.h"
#include "coordinator/store/backup.h"
#include "fleet/bus/topics.h"

#define LEASE_MS_DEFAULT 30000
#define WINDOW_DEFAULT 2
#define SETTLE_MS_DEFAULT 5000
#define ABSENT_MS_DEFAULT 600000
#define TOPICS_TIMEOUT_MS 10000
#define OPERATOR_TOKEN_BYTES 32
#define ANNOUNCE_FILE "coordinator.json"

struct coordinator {
    struct bus_embedded *embedded;
    struct link *link;
    struct webhooks *webhooks;
    struct wire *wire;
    struct publisher *publisher;
    struct loop *loop;
    struct core *core; /* the loop's */
    struct api *api;
    char *token_path, *announce_path, *state_dir, *prefix, *address, *tls_cert;
};

static int64_t system_mono(void *context) {
    (void)context;
    return clock_mono_ms();
}

static int64_t system_wall(void *context) {
    (void)context;
    return clock_wall_ms();
}

/* --- outlets ---------------------------------------------------------------------------------- */
static void perform(void *context, const struct effect *effect) {
    struct coordinator *c = context;
    link_perform(c->link, effect);
}

static void tick(void *context, int partitions, int64_t round, int64_t epoch) {
    struct coordinator *c = context;
    link_tick(c->link, partitions, round, epoch);
}

static void publish(void *context, struct outbox_batch *batch) {
    struct coordinator *c = context;
    publisher_hand(c->publisher, batch);
}

/* --- token and announcement ------------------------------------------------------------------- */
char *coordinator_read_token(const char *token_path, struct error *err) {
    char *text = file_read(token_path, 4096, NULL, err);
    if (!text) return NULL;
    text[strcspn(text, "\r\n")] = 0;
    secret_declare(text);
    if (strlen(text) >= 16 && strlen(text) < 128) return text;
    error_set(err, ERR_INVALID, "%s: the first line must be a token of 16 to 127 characters", token_path);
    free(text);
    return NULL;
}

/* Made at the first start; an operator may write one of their own. Others must not be able to read it. */
static char *take_token(const char *path, struct error *err) {
    char hex[2 * OPERATOR_TOKEN_BYTES + 2];
    if (access(path, F_OK) == 0) {
        if (secret_check_file(path, err) != 0) return NULL;
        return coordinator_read_token(path, err);
    }
    random_hex(hex, OPERATOR_TOKEN_BYTES);
    strcat(hex, "\n");
    if (file_write_durable(path, hex, strlen(hex), 0600, err) != 0) return NULL;
    return coordinator_read_token(path, err);
}

static json_t *describe(const struct coordinator *c, const struct core *core) {
    json_t *json = json_object();
    CLEANUP_FREE char *url = api_url(c->api);
    json_object_set_new(json, "pid", json_integer(getpid()));
    json_object_set_new(json, "epoch", json_integer(store_epoch(core->store)));
    json_object_set_new(json, "version", json_string(PORTOLAN_VERSION));
    json_object_set_new(json, "api", json_string(url));
    /* Programs of this machine trust it by the certificate itself, whoever has signed it. */
    if (c->tls_cert) json_object_set_new(json, "ca_file", json_string(c->tls_cert));
    json_object_set_new(json, "token_file", json_string(c->token_path));
    json_object_set_new(json, "kafka", *core->link.bootstrap ? json_string(core->link.bootstrap) : json_null());
    json_object_set_new(json, "embedded", json_boolean(core->link.embedded));
    json_object_set_new(json, "cluster_id", *core->link.cluster_id ? json_string(core->link.cluster_id) : json_null());
    json_object_set_new(json, "prefix", json_string(core->config.prefix));
    return json;
}

static int write_announcement(const struct coordinator *c, const struct core *core, struct error *err) {
    json_t *json = describe(c, core);
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    int status = text ? file_write_durable(c->announce_path, text, strlen(text), 0600, err)
                      : error_set(err, ERR_NOMEM, "out of memory");
    free(text);
    return status;
}

/* On the loop's thread. */
static void announce(void *context, struct core *core) {
    struct error err = ERROR_INIT;
    if (write_announcement(context, core, &err) != 0) log_warn("%s", err.text);
}

/* --- start ------------------------------------------------------------------------------------ */
static struct core *open_core(struct coordinator *c, const struct coordinator_config *config, struct error *err) {
    struct coordinator_clock clock = {.mono_ms = system_mono, .wall_ms = system_wall};
    struct core_config core_config = {.prefix = c->prefix,
                                      .problems_dir = config->problems_dir,
                                      .fleet_file = config->fleet_file,
                                      .lease_ms = config->lease_ms > 0 ? config->lease_ms : LEASE_MS_DEFAULT,
                                      .retention = config->retention,
                                      .approve_nodes = config->approve_nodes,
                                      .window = config->window > 0 ? config->window : WINDOW_DEFAULT,
                                      .settle_ms = config->settle_ms >= 0 ? config->settle_ms : SETTLE_MS_DEFAULT,
                                      .absent_ms = config->absent_ms > 0 ? config->absent_ms : ABSENT_MS_DEFAULT};
    if (config->restore && store_restore(c->state_dir, config->restore, err) != 0) return NULL;
    CLEANUP(cleanup_store) struct store *store = store_open(c->state_dir, err);
    CLEANUP(cleanup_codec) struct codec *codec = store ? codec_new() : NULL;
    if (!store) return NULL;
    struct core *core = core_new(store, codec, config->clock ? config->clock : &clock, &core_config, err);
    if (!core) return NULL;
    store = NULL;
    codec = NULL;
    return core;
}

static int start_wire(struct coordinator *c, const struct coordinator_config *config, struct error *err) {
    struct registry *registry = NULL;
    if (config->registry.url) {
        registry = registry_new(&config->registry, err);
        if (!registry) return -1;
        snprintf(c->core->registry.url, sizeof c->core->registry.url, "%s", registry_url(registry));
    }
    c->wire = wire_new(c->core, registry, err);
    if (c->wire) return 0;
    registry_free(registry);
    return -1;
}

static int start_bus(struct coordinator *c, const struct coordinator_config *config, struct error *err) {
    if (start_wire(c, config, err) != 0) return -1;
    struct link_config link = {
        .codec = c->core->codec, .wire = c->wire, .replication = config->replication > 0 ? config->replication : -1};
    link.bus = (struct bus_config){.bootstrap = config->bootstrap,
                                   .prefix = c->prefix,
                                   .keys = config->kafka_keys,
                                   .values = config->kafka_values,
                                   .property_count = config->kafka_count};
    if (config->embedded) {
        c->embedded = bus_embedded_start(err);
        if (!c->embedded) return -1;
        link.bus.embedded = c->embedded;
        link.bus.bootstrap = NULL;
    }
    c->link = link_new(&link, err);
    if (!c->link) return -1;
    c->publisher = publisher_new(link_bus(c->link), c->wire, err);
    if (!c->publisher) return -1;
    /* Before anybody knows its address: it gives four partitions to what is asked for first. */
    if (config->embedded && topics_create(link_bus(c->link), -1, TOPICS_TIMEOUT_MS, err) != 0) return -1;
    c->core->link.embedded = config->embedded;
    snprintf(c->core->link.bootstrap, sizeof c->core->link.bootstrap, "%s", coordinator_bootstrap(c));
    return 0;
}

static int start_api(struct coordinator *c, const struct coordinator_config *config, struct error *err) {
    CLEANUP_FREE char *token = take_token(c->token_path, err);
    if (!token) return -1;
    struct api_config api = {.address = c->address,
                             .port = config->api_port,
                             .tls_cert = c->tls_cert,
                             .tls_key = config->api_tls_key,
                             .token = token,
                             .store = c->core->store,
                             .loop = c->loop};
    c->api = api_start(&api, err);
    /* Before the loop runs the state is this thread's. */
    return c->api ? write_announcement(c, c->core, err) : -1;
}

static int start_all(struct coordinator *c, const struct coordinator_config *config, struct error *err) {
    CLEANUP_FREE char *runtime = config->runtime_dir ? xstrdup(config->runtime_dir) : dir_standard("runtime", err);
    c->state_dir = config->state_dir ? xstrdup(config->state_dir) : dir_standard("state", err);
    c->tls_cert = config->api_tls_cert ? realpath(config->api_tls_cert, NULL) : NULL;
    if (config->api_tls_cert && !c->tls_cert)
        return error_errno(err, ERR_NOT_FOUND, errno, "TLS of the API: %s", config->api_tls_cert);
    c->address = xstrdup(config->api_address ? config->api_address : "127.0.0.1");
    c->prefix = xstrdup(config->prefix ? config->prefix : BUS_PREFIX_DEFAULT);
    if (!runtime || !c->state_dir || dir_make(runtime, 0700, err) != 0) return -1;
    c->token_path = path_join(c->state_dir, "token");
    c->announce_path = path_join(runtime, ANNOUNCE_FILE);
    c->core = open_core(c, config, err);
    if (!c->core) return -1;
    struct loop_outlets outlets = {
        .context = c, .perform = perform, .tick = tick, .publish = publish, .announce = announce};
    c->loop = loop_new(c->core, &outlets);
    c->core->webhooks = c->webhooks = webhooks_start(&config->webhooks, c->loop, err);
    if (!c->webhooks || start_bus(c, config, err) != 0 || start_api(c, config, err) != 0) return -1;
    if (publisher_start(c->publisher, c->loop, err) != 0) return -1;
    return link_start(c->link, c->loop, err);
}

struct coordinator *coordinator_start(const struct coordinator_config *config, struct error *err) {
    struct coordinator *c = xcalloc(1, sizeof *c);
    if (start_all(c, config, err) == 0) {
        log_info("coordinator of epoch %lld: API on port %d, broker %s%s", (long long)store_epoch(c->core->store),
                 api_port(c->api), coordinator_bootstrap(c),
                 config->embedded ? " (embedded: in memory, for trying out)" : "");
        return c;
    }
    coordinator_free(c);
    return NULL;
}

int coordinator_run(struct coordinator *c, struct error *err) {
    return loop_run(c->loop, err);
}

void coordinator_stop(struct coordinator *c) {
    loop_stop(c->loop);
}

void coordinator_free(struct coordinator *c) {
    if (!c) return;
    if (c->loop) {
        /* A loop that never ran still owes its callers an answer. */
        loop_stop(c->loop);
        loop_run(c->loop, NULL);
    }
    api_stop(c->api);
    webhooks_free(c->webhooks);
    if (c->link) link_stop(c->link);
    if (c->publisher) publisher_stop(c->publisher);
    publisher_free(c->publisher);
    link_free(c->link);
    wire_free(c->wire);
    /* Only ours: a coordinator that could not take the lock must not remove the announcement of the one that has it. */
    if (c->api && c->announce_path) unlink(c->announce_path);
    if (c->loop) loop_free(c->loop);
    bus_embedded_stop(c->embedded);
    free(c->token_path);
    free(c->announce_path);
    free(c->state_dir);
    free(c->prefix);
    free(c->address);
    free(c->tls_cert);
    free(c);
}

int coordinator_api_port(const struct coordinator *c) {
    return api_port(c->api);
}

const char *coordinator_bootstrap(const struct coordinator *c) {
    return c->embedded ? bus_embedded_bootstrap(c->embedded) : bus_bootstrap(link_bus(c->link));
}

const char *coordinator_token_path(const struct coordinator *c) {
    return c->token_path;
}
