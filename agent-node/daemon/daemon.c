#include "agent-node/daemon/daemon.h"

#include <ctype.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "agent-node/daemon/devices.h"
#include "agent-node/daemon/lifetime.h"
#include "agent-node/daemon/session.h"
#include "agent-node/daemon/storage.h"
#include "agent-node/worker/discovery.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/log.h"

#define RUNTIME_FILE "coordinator.json"
#define RUNTIME_FILE_LIMIT 65536

static atomic_bool stop_asked;

static void on_signal(int signal_number) {
    (void)signal_number;
    atomic_store(&stop_asked, true);
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void daemon_node_name(const char *text, char out[64]) {
    size_t n = 0;
    for (; *text && *text != '.' && n < 63; text++) {
        char c = (char)tolower((unsigned char)*text);
        out[n++] = isalnum((unsigned char)c) ? c : '-';
    }
    if (!n) out[n++] = 'n';
    out[n] = '\0';
}

/* --- where the broker is ------------------------------------------------------------------------------------------ */
/* The broker's address as the coordinator of this machine has written it down; NULL when there is none. Caller frees.
 */
static char *runtime_bootstrap(void) {
    CLEANUP_FREE char *path = runtime_file(RUNTIME_FILE, NULL);
    if (!path) return NULL;
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, RUNTIME_FILE_LIMIT, &len, NULL);
    json_t *root = text ? json_loadb(text, len, 0, NULL) : NULL;
    const char *address = json_string_value(json_object_get(root, "kafka"));
    char *found = address ? xstrdup(address) : NULL;
    json_decref(root);
    return found;
}

static void on_tick(void *context, bool listening);

struct daemon {
    const struct daemon_config *config;
    char node[64];
    struct duty *duty;
    struct spool *spool;
    struct storage storage;
    struct lifetime lifetime;
    struct jobs *jobs;
    struct reports *reports;
    struct devices *devices;
    struct rec_list_string labels, only, refuse;
    atomic_uint changes;
};

static bool address_moved(void *context, const char *bootstrap) {
    const struct daemon *d = context;
    if (d->config->bootstrap) return false;
    CLEANUP_FREE char *now = runtime_bootstrap();
    return now && strcmp(now, bootstrap) != 0;
}

static char *find_bootstrap(struct daemon *d, struct error *err) {
    if (d->config->bootstrap) return xstrdup(d->config->bootstrap);
    for (bool told = false; !atomic_load(&stop_asked); told = true) {
        char *address = runtime_bootstrap();
        if (address) return address;
        if (!told) log_info("no broker is given and no coordinator runs on this machine yet; waiting for one");
        on_tick(d, false);
        usleep(200000);
    }
    error_set(err, ERR_CANCELLED, "stopped before a broker was known");
    return NULL;
}

/* --- devices ---------------------------------------------------------------------------------- */
static bool wanted(const struct daemon_config *config, const struct rec_device *device) {
    for (size_t i = 0; i < config->driver_count; i++)
        if (strstr(device->id, config->drivers[i]) || strstr(device->icd, config->drivers[i])) return true;
    return config->driver_count == 0;
}

static void on_changed(void *context) {
    struct daemon *d = context;
    atomic_fetch_add(&d->changes, 1);
}

static int start_devices(struct daemon *d, const char *cache_dir, const char *state_dir, struct error *err) {
    struct rec_list_device all = {0}, some = {0};
    struct discovery_config discovery = {.cache_dir = cache_dir,
                                         .sandbox = d->config->sandbox,
                                         .measure = true,
                                         .only = d->config->drivers,
                                         .only_count = d->config->driver_count};
    int rc = discovery_run(&discovery, &all, err);
    for (size_t i = 0; !rc && i < all.count; i++) {
        if (!wanted(d->config, &all.items[i])) continue;
        struct rec_device *item = rec_list_device_push(&some);
        rec_device_done(item);
        rec_device_copy(item, &all.items[i]);
        log_info("device %s: %s, driver %s", item->id, item->name, item->driver_version);
    }
    if (!rc && !some.count) {
        rc = error_set(err, ERR_NOT_FOUND, "no device found%s", d->config->driver_count ? " with these drivers" : "");
        error_hint(err, "portolan-agent devices lists what is here; Debian's pocl-opencl-icd gives any machine one");
    }
    struct devices_config config = {.found = &some,
                                    .cache_dir = cache_dir,
                                    .state_dir = state_dir,
                                    .sandbox = d->config->sandbox,
                                    .notes_load = d->config->notes_load,
                                    .health_every_ms = d->config->health_every_ms,
                                    .jobs = d->jobs,
                                    .reports = d->reports,
                                    .changed = on_changed,
                                    .context = d};
    if (!rc) d->devices = devices_start(&config, err);
    discovery_list_done(&all);
    discovery_list_done(&some);
    return d->devices ? 0 : -1;
}

/* --- its own end, and its own troubles --------------------------------------------------------------------------- */
static void on_tick(void *context, bool listening) {
    struct daemon *d = context;
    int64_t now_ms = clock_mono_ms(), held = (int64_t)(jobs_held(d->jobs) + reports_waiting(d->reports));
    storage_tick(&d->storage, d->devices && devices_cache_failing(d->devices), now_ms);
    int64_t idle_for_ms = lifetime_idle_ms(&d->lifetime, listening, jobs_idle_ms(d->jobs), now_ms);
    enum lifetime_phase phase = lifetime_phase(&d->lifetime, held, idle_for_ms, now_ms);
    if (phase == LIFETIME_ENDING) duty_set_trouble(d->duty, TROUBLE_ENDING, "the agent's time (--for) is nearly over");
    if (phase != LIFETIME_OVER) return;
    if (!atomic_exchange(&stop_asked, true))
        log_info("ends by itself: %s", now_ms < d->lifetime.ending_ms ? "nothing came for a while (--exit-when-idle)"
                                                                      : "its time is over (--for)");
}

/* --- life ------------------------------------------------------------------------------------- */
static int run_sessions(struct daemon *d, struct error *err) {
    while (!atomic_load(&stop_asked)) {
        CLEANUP_FREE char *bootstrap = find_bootstrap(d, err);
        if (!bootstrap) return 0;
        log_info("broker %s", bootstrap);
        struct session_config session = {.node = d->node,
                                         .bootstrap = bootstrap,
                                         .prefix = d->config->prefix,
                                         .keys = d->config->keys,
                                         .values = d->config->values,
                                         .property_count = d->config->property_count,
                                         .labels = &d->labels,
                                         .only = &d->only,
                                         .refuse = &d->refuse,
                                         .sandbox = d->config->sandbox ? "on" : "off",
                                         .jobs = d->jobs,
                                         .reports = d->reports,
                                         .devices = d->devices,
                                         .duty = d->duty,
                                         .tick = on_tick,
                                         .stop = &stop_asked,
                                         .changes = &d->changes,
                                         .moved = address_moved,
                                         .context = d};
        enum session_end end = session_run(&session, err);
        if (end == SESSION_FENCED || end == SESSION_REFUSED || end == SESSION_FAILED) return -1;
        if (end == SESSION_MOVED) log_info("the broker has moved; joining again as a new incarnation");
    }
    return 0;
}

static void stop_devices(struct daemon *d) {
    while (jobs_close(d->jobs)) { /* no session is left to report through: the lease gives these back */
    }
    devices_stop(d->devices);
}

static int choose_name(struct daemon *d, struct error *err) {
    char host[256] = "node";
    gethostname(host, sizeof host - 1);
    const char *given = d->config->node;
    if (!given) daemon_node_name(host, d->node);
    if (given && (!*given || strlen(given) > 63 || given[strspn(given, "abcdefghijklmnopqrstuvwxyz0123456789-")]))
        return error_set(err, ERR_INVALID, "node name %.80s: 1 to 63 of a-z, 0-9 and '-'", given);
    if (given) snprintf(d->node, sizeof d->node, "%s", given);
    return 0;
}

/* The spool belongs to a name and a prefix: what is in it was measured for them. */
static int open_spool(struct daemon *d, const char *state_dir, struct error *err) {
    const char *prefix = d->config->prefix ? d->config->prefix : BUS_PREFIX_DEFAULT;
    if (strchr(prefix, '/')) return error_set(err, ERR_INVALID, "topic prefix %s: there is a '/' in it", prefix);
    CLEANUP_FREE char *folder = xasprintf("%s/spool/%s%s", state_dir, prefix, d->node);
    struct spool_limits limits = {.bytes = d->config->spool_bytes};
    d->spool = spool_open(folder, &limits, err);
    if (d->spool) d->reports = reports_new(d->jobs, d->spool, d->duty, err);
    if (d->reports) return 0;
    if (!d->spool && err && err->code == ERR_BUSY)
        error_hint(err, "an agent of this name runs already; give each one a name of its own with --node");
    return -1;
}

static int run(struct daemon *d, struct error *err) {
    CLEANUP_FREE char *cache_dir = dir_standard("cache", err);
    CLEANUP_FREE char *state_dir = dir_standard("state", err);
    if (!cache_dir || !state_dir || open_spool(d, state_dir, err)) return -1;
    storage_init(&d->storage, cache_dir, d->duty);
    int status = start_devices(d, cache_dir, state_dir, err);
    if (!status) status = run_sessions(d, err);
    stop_devices(d);
    return status;
}

static void fill_list(struct rec_list_string *list, const char *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) rec_list_string_push(list, items[i]);
}

static void empty_list(struct rec_list_string *list) {
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    free(list->items);
}

int daemon_run(const struct daemon_config *config, struct error *err) {
    struct daemon d = {.config = config};
    lifetime_init(&d.lifetime, config->for_ms, config->idle_ms, clock_mono_ms());
    if (choose_name(&d, err)) return -1;
    catch_signals();
    log_context(d.node, NULL, NULL);
    fill_list(&d.labels, config->labels, config->label_count);
    fill_list(&d.only, config->only, config->only_count);
    fill_list(&d.refuse, config->refuse, config->refuse_count);
    d.duty = duty_new(on_changed, &d);
    d.jobs = jobs_new();
    int status = run(&d, err);
    reports_free(d.reports);
    spool_close(d.spool);
    jobs_free(d.jobs);
    duty_free(d.duty);
    empty_list(&d.labels);
    empty_list(&d.only);
    empty_list(&d.refuse);
    return status;
}
