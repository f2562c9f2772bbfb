/* Values from the environment and from configuration files. Of two files (the user's and the machine's) the user's
 * answers first, key by key. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/options_internal.h"
#include "common/secrets.h"
#include "common/suggest.h"

#define CONFIG_BYTES_MAX (1024 * 1024)
#define SYSTEM_CONFIG "/etc/portolan/config.yaml"

/* One file serves every command of both programs, so this is the union of their keys. Below `kafka` stands whatever
 * librdkafka knows. */
#define OPEN_KEY "kafka"
static const char *const known_keys[] = {
    "absent_ms",
    "busy",
    "api.address",
    "api.port",
    "api.tls.cert",
    "api.tls.key",
    "client.api",
    "client.ca_file",
    "client.token_file",
    "drivers",
    "embedded",
    "fleet",
    "health.every",
    "inventory",
    "spool",
    OPEN_KEY,
    "labels",
    "only",
    "refuse",
    "lease_ms",
    "log.json",
    "log.level",
    "node",
    "nodes.approval",
    "prefix",
    "problems_dir",
    "replication",
    "retention.attempts",
    "retention.campaigns",
    "retention.tries",
    "schema_registry.ca_file",
    "schema_registry.password.file",
    "schema_registry.url",
    "schema_registry.user",
    "settle_ms",
    "state_dir",
    "webhooks",
    "window",
    NULL,
};

bool config_key_is_known(const char *dotted) {
    size_t open = strlen(OPEN_KEY);
    if (strncmp(dotted, OPEN_KEY, open) == 0 && dotted[open] == '.') return true;
    for (size_t i = 0; known_keys[i]; i++)
        if (strcmp(known_keys[i], dotted) == 0) return true;
    return false;
}

static bool is_key_of(const struct options *o, const char *dotted) {
    for (size_t i = 0; i < o->n_values; i++)
        if (o->values[i].spec->config_key && strcmp(o->values[i].spec->config_key, dotted) == 0) return true;
    return config_key_is_known(dotted);
}

static bool leads_to(const char *dotted, const char *key) {
    size_t len = strlen(dotted);
    return strncmp(key, dotted, len) == 0 && key[len] == '.';
}

static bool leads_to_a_key(const struct options *o, const char *dotted) {
    for (size_t i = 0; known_keys[i]; i++)
        if (leads_to(dotted, known_keys[i])) return true;
    for (size_t i = 0; i < o->n_values; i++)
        if (o->values[i].spec->config_key && leads_to(dotted, o->values[i].spec->config_key)) return true;
    return false;
}

static int unknown_key(const struct yaml_doc *doc, const struct yaml_node *key, const char *dotted, struct error *err) {
    const char *near = suggest_nearest(dotted, known_keys);
    yaml_error(doc, key, err, "`%s` is no key of the configuration", dotted);
    if (near) return error_hint(err, "did you mean `%s`?", near);
    return error_hint(err, "`portolan serve --help` and `portolan-agent run --help` name the keys");
}

/* A key that nobody reads is a slip, and its value would be missed in silence. */
static int check_keys(const struct options *o, const struct yaml_doc *doc, const struct yaml_node *map,
                      const char *prefix, struct error *err) {
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *value = map->items[i];
        CLEANUP_FREE char *dotted = xasprintf("%s%s%s", prefix, prefix[0] ? "." : "", map->keys[i]->text);
        if (is_key_of(o, dotted)) continue;
        if (!leads_to_a_key(o, dotted)) return unknown_key(doc, map->keys[i], dotted, err);
        if (value->kind != YAML_MAPPING && value->kind != YAML_NULL)
            return yaml_error(doc, value, err, "`%s` must be a mapping (key: value)", dotted);
        if (value->kind == YAML_MAPPING && check_keys(o, doc, value, dotted, err) != 0) return -1;
    }
    return 0;
}

char *options_env_name(const char *name) {
    char *env = xasprintf("PORTOLAN_%s", name);
    for (char *p = env; *p; p++) *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    return env;
}

static int set_from_env(struct option_value *v, const char *text, const char *env, struct error *err) {
    if (v->spec->kind != OPTION_LIST) return option_value_set(v, text, SOURCE_ENV, env, err);
    CLEANUP_FREE char *copy = xstrdup(text);
    char *rest = copy;
    for (char *item; (item = strsep(&rest, ",")) != NULL;)
        if (item[0] && option_value_set(v, item, SOURCE_ENV, env, err) != 0) return -1;
    return 0;
}

int options_load_env(struct options *o, struct error *err) {
    for (size_t i = 0; i < o->n_values; i++) {
        struct option_value *v = &o->values[i];
        if (v->source >= SOURCE_ENV || strcmp(v->spec->name, "help") == 0) continue;
        CLEANUP_FREE char *env = options_env_name(v->spec->name);
        const char *text = getenv(env);
        if (text && text[0] && set_from_env(v, text, env, err) != 0) return -1;
    }
    return 0;
}

/* Does a secret of the broker's stand here in clear? */
static bool holds_secret(const struct yaml_node *map, const char *prefix) {
    for (size_t i = 0; map && map->kind == YAML_MAPPING && i < map->count; i++) {
        CLEANUP_FREE char *key = xasprintf("%s%s%s", prefix, prefix[0] ? "." : "", map->keys[i]->text);
        if (map->items[i]->kind == YAML_SCALAR && secret_property(key)) return true;
        if (holds_secret(map->items[i], key)) return true;
    }
    return false;
}

/* `must_exist`: named by the user, so that its absence is an error. */
static int load_file(struct options *o, const char *path, bool must_exist, struct error *err) {
    struct error why = ERROR_INIT;
    size_t len;
    CLEANUP_FREE char *text = file_read(path, CONFIG_BYTES_MAX, &len, &why);
    if (!text) {
        if (why.code == ERR_NOT_FOUND && !must_exist) return 0;
        return error_set(err, why.code, "configuration: %s", why.text);
    }
    struct yaml_doc *doc = yaml_parse(text, len, path, err);
    if (!doc) return -1;
    o->config[o->n_config++] = doc;
    enum yaml_kind kind = yaml_root(doc)->kind;
    if (kind != YAML_MAPPING && kind != YAML_NULL)
        return yaml_error(doc, yaml_root(doc), err, "a configuration is a mapping (key: value)");
    if (kind == YAML_NULL) return 0;
    if (holds_secret(yaml_get(yaml_root(doc), OPEN_KEY), "") && secret_check_file(path, err) != 0)
        return error_hint(err, "or name a file of its own: %s: {sasl.password: {file: PATH}}", OPEN_KEY);
    return check_keys(o, doc, yaml_root(doc), "", err);
}

static char *user_config_path(void) {
    const char *override = getenv("PORTOLAN_CONFIG_DIR"), *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (override && override[0]) return path_join(override, "config.yaml");
    if (xdg && xdg[0] == '/') return path_join(xdg, "portolan/config.yaml");
    return home && home[0] ? path_join(home, ".config/portolan/config.yaml") : NULL;
}

static int load_files(struct options *o, struct error *err) {
    const struct option_value *chosen = options_find(o, "config");
    if (chosen && chosen->count > 0) return load_file(o, chosen->texts[0], true, err);
    CLEANUP_FREE char *user = user_config_path();
    if (user && load_file(o, user, false, err) != 0) return -1;
    return load_file(o, SYSTEM_CONFIG, false, err);
}

/* A key of the file may hold dots itself: `kafka: {bootstrap.servers: a}` is kafka.bootstrap.servers. */
static const struct yaml_node *look_below(const struct yaml_node *map, const char *dotted) {
    for (size_t i = 0; map->kind == YAML_MAPPING && i < map->count; i++) {
        const char *key = map->keys[i]->text;
        if (strcmp(key, dotted) == 0) return map->items[i];
        const struct yaml_node *found =
            leads_to(key, dotted) ? look_below(map->items[i], dotted + strlen(key) + 1) : NULL;
        if (found) return found;
    }
    return NULL;
}

const struct yaml_node *config_lookup(const struct yaml_doc *doc, const char *dotted) {
    const struct yaml_node *at = look_below(yaml_root(doc), dotted);
    return at && at->kind != YAML_NULL ? at : NULL;
}

/* Items of a list, by commas: what librdkafka takes. */
static void join(const struct yaml_node *list, struct buf *out) {
    for (size_t k = 0; k < list->count; k++)
        if (list->items[k]->text) buf_printf(out, "%s%s", out->len ? "," : "", list->items[k]->text);
}

static int set_from_node(struct option_value *v, const struct yaml_doc *doc, const struct yaml_node *n,
                         struct error *err) {
    const char *key = v->spec->config_key;
    CLEANUP_FREE char *where = xasprintf("%s:%d:%d: `%s`", yaml_filename(doc), n->line, n->column, key);
    if (n->kind == YAML_SCALAR) return option_value_set(v, n->text, SOURCE_FILE, where, err);
    if (n->kind == YAML_SEQUENCE && v->spec->kind == OPTION_STRING && leads_to(OPEN_KEY, key)) {
        CLEANUP(buf_done) struct buf joined = BUF_INIT;
        join(n, &joined);
        return option_value_set(v, joined.data ? joined.data : "", SOURCE_FILE, where, err);
    }
    if (v->spec->kind != OPTION_LIST) return yaml_error(doc, n, err, "`%s` must be a single value", key);
    if (n->kind == YAML_MAPPING) return 0; /* read through options_properties */
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(doc, n->items[i], key, err);
        if (!text || option_value_set(v, text, SOURCE_FILE, where, err) != 0) return -1;
    }
    return 0;
}

int options_load_config(struct options *o, struct error *err) {
    if (load_files(o, err) != 0) return -1;
    for (size_t i = 0; i < o->n_values; i++) {
        struct option_value *v = &o->values[i];
        for (size_t f = 0; f < o->n_config && v->source < SOURCE_FILE && v->spec->config_key; f++) {
            const struct yaml_node *n = config_lookup(o->config[f], v->spec->config_key);
            if (n && set_from_node(v, o->config[f], n, err) != 0) return -1;
        }
    }
    return 0;
}

static void set_property(struct property_set *set, const char *key, const char *value) {
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->keys[i], key) != 0) continue;
        free(set->values[i]);
        set->values[i] = xstrdup(value);
        return;
    }
    set->keys = xrealloc(set->keys, (set->count + 1) * sizeof *set->keys);
    set->values = xrealloc(set->values, (set->count + 1) * sizeof *set->values);
    set->keys[set->count] = xstrdup(key);
    set->values[set->count++] = xstrdup(value);
}

/* Mappings below are flattened with dots ("security: {protocol: ssl}" is security.protocol), lists joined by commas. */
static void add_mapping(struct property_set *set, const char *prefix, const struct yaml_node *map) {
    for (size_t i = 0; i < map->count; i++) {
        CLEANUP_FREE char *key = xasprintf("%s%s%s", prefix, prefix[0] ? "." : "", map->keys[i]->text);
        const struct yaml_node *value = map->items[i];
        CLEANUP(buf_done) struct buf joined = BUF_INIT;
        if (value->kind == YAML_SEQUENCE) join(value, &joined);
        if (value->kind == YAML_MAPPING)
            add_mapping(set, key, value);
        else if (value->kind != YAML_NULL)
            set_property(set, key, value->kind == YAML_SCALAR ? value->text : joined.data ? joined.data : "");
    }
}

/* "key=value" each; an item without "=" goes on with the value before ("bootstrap.servers=a:1,b:2", split by commas).
 */
static void add_assignments(struct property_set *set, const struct option_value *v) {
    for (size_t i = 0; i < v->count;) {
        const char *equals = strchr(v->texts[i], '=');
        if (!equals) {
            i++;
            continue;
        }
        CLEANUP_FREE char *key = xstrndup(v->texts[i], (size_t)(equals - v->texts[i]));
        CLEANUP(buf_done) struct buf value = BUF_INIT;
        buf_puts(&value, equals + 1);
        for (i++; i < v->count && !strchr(v->texts[i], '='); i++) buf_printf(&value, ",%s", v->texts[i]);
        set_property(set, key, value.data);
    }
}

size_t options_properties(const struct options *o, const char *config_key, const char ***ret_keys,
                          const char ***ret_values) {
    struct property_set *set = xcalloc(1, sizeof *set);
    set->next = *o->properties;
    *o->properties = set;
    for (size_t f = o->n_config; f-- > 0;) { /* the nearer file last, so that it wins */
        const struct yaml_node *n = config_lookup(o->config[f], config_key);
        if (n && n->kind == YAML_MAPPING) add_mapping(set, "", n);
    }
    for (size_t i = 0; i < o->n_values; i++) {
        const struct option_value *v = &o->values[i];
        bool same = strcmp(v->spec->name, config_key) == 0 ||
                    (v->spec->config_key && strcmp(v->spec->config_key, config_key) == 0);
        if (same && v->spec->kind == OPTION_LIST) add_assignments(set, v);
    }
    set->key_view = xcalloc(set->count + 1, sizeof *set->key_view);
    set->value_view = xcalloc(set->count + 1, sizeof *set->value_view);
    for (size_t i = 0; i < set->count; i++) {
        set->key_view[i] = set->keys[i];
        set->value_view[i] = set->values[i];
    }
    *ret_keys = set->key_view;
    *ret_values = set->value_view;
    return set->count;
}
