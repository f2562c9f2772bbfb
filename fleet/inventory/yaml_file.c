/* The YAML form: GROUP: {hosts: {HOST: {VARIABLE: VALUE}}, vars: {...}, children: {GROUP: {...}}}; JSON is YAML. Values
 * under Ansible's own tags (!vault, !unsafe) are taken as the text that stands there: nothing is decrypted. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/yaml.h"
#include "fleet/inventory/internal.h"

DEFINE_CLEANUP(cleanup_yaml, struct yaml_doc *, yaml_free)

/* The common reader refuses tags. Blanks in their place keep lines and columns. */
static char *without_tags(const char *text, size_t len) {
    static const char *const tags[] = {"!vault-encrypted", "!vault", "!unsafe"};
    char *copy = xmalloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        size_t size = strlen(tags[i]);
        for (char *at = copy; (at = memmem(at, len - (size_t)(at - copy), tags[i], size)) != NULL; at += size) {
            bool opens = at > copy && (at[-1] == ' ' || at[-1] == '\t');
            if (opens && strchr(" \t\r\n", at[size])) memset(at, ' ', size);
        }
    }
    return copy;
}

static struct yaml_doc *parse(const char *text, size_t len, const char *filename, struct error *err) {
    CLEANUP_FREE char *plain = without_tags(text, len);
    return yaml_parse(plain, len, filename, err);
}

static int set_variables(const struct yaml_node *map, json_t *into, const struct place *at, struct error *err) {
    for (size_t i = 0; i < map->count; i++)
        if (json_object_set_new(into, map->keys[i]->text ? map->keys[i]->text : "", literal_of_yaml(map->items[i])) !=
            0) {
            struct place here = {at->file, map->keys[i]->line};
            return place_error(&here, ERR_INVALID, err, "the name of a variable is not UTF-8");
        }
    if (json_object_size(into) <= INVENTORY_MAX_VARIABLES) return 0;
    return place_error(at, ERR_LIMIT, err, "over %d variables", INVENTORY_MAX_VARIABLES);
}

struct reader {
    struct inventory *inv;
    const struct yaml_doc *doc;
    const char *file;
    struct error *err;
};

/* --- a group ---------------------------------------------------------------------------------- */
static int read_group(const struct reader *r, const char *name, const struct yaml_node *key,
                      const struct yaml_node *body, struct inventory_group *parent);

static int read_host(const struct reader *r, struct inventory_group *g, const struct yaml_node *key,
                     const struct yaml_node *body) {
    struct place at = {r->file, key->line};
    if (body->kind != YAML_NULL && body->kind != YAML_MAPPING)
        return yaml_error(r->doc, body, r->err, "variables (name: value) are expected under host `%.120s`", key->text);
    json_t *vars = json_object();
    int status = body->kind == YAML_MAPPING ? set_variables(body, vars, &at, r->err) : 0;
    if (status == 0) status = inventory_group_add_hosts(r->inv, g, key->text, vars, &at, r->err);
    json_decref(vars);
    return status;
}

/* hosts and children: a mapping, or one name alone. */
static int read_members(const struct reader *r, struct inventory_group *g, const char *what,
                        const struct yaml_node *n) {
    static const struct yaml_node none = {.kind = YAML_NULL};
    bool hosts = strcmp(what, "hosts") == 0;
    if (n->kind == YAML_SCALAR) return hosts ? read_host(r, g, n, &none) : read_group(r, n->text, n, &none, g);
    if (n->kind != YAML_MAPPING)
        return yaml_error(r->doc, n, r->err, "`%s` is a mapping: a name and a colon a line", what);
    for (size_t i = 0; i < n->count; i++)
        if (hosts ? read_host(r, g, n->keys[i], n->items[i])
                  : read_group(r, n->keys[i]->text, n->keys[i], n->items[i], g))
            return -1;
    return 0;
}

static int read_vars(const struct reader *r, struct inventory_group *g, const struct yaml_node *n) {
    if (n->kind != YAML_MAPPING) return yaml_error(r->doc, n, r->err, "`vars` is a mapping (name: value)");
    for (size_t i = 0; i < n->count; i++) {
        struct place at = {r->file, n->keys[i]->line};
        if (inventory_group_set(g, n->keys[i]->text, literal_of_yaml(n->items[i]), &at, r->err) != 0) return -1;
    }
    return 0;
}

static int read_group(const struct reader *r, const char *name, const struct yaml_node *key,
                      const struct yaml_node *body, struct inventory_group *parent) {
    static const char *const keys[] = {"hosts", "vars", "children", NULL};
    struct place at = {r->file, key->line};
    struct inventory_group *g = inventory_group_add(r->inv, name ? name : "", &at, r->err);
    if (!g || (parent && inventory_group_add_child(r->inv, parent, name, &at, r->err) != 0)) return -1;
    if (body->kind == YAML_NULL) return 0;
    if (body->kind != YAML_MAPPING)
        return yaml_error(r->doc, body, r->err, "group `%.120s` holds `hosts`, `vars` and `children`", name);
    if (yaml_check_keys(r->doc, body, keys, r->err) != 0) return -1;
    for (size_t i = 0; i < body->count; i++) {
        const struct yaml_node *n = body->items[i];
        const char *what = body->keys[i]->text;
        if (n->kind == YAML_NULL) continue;
        if (strcmp(what, "vars") == 0 ? read_vars(r, g, n) : read_members(r, g, what, n)) return -1;
    }
    return 0;
}

int inventory_read_yaml(struct inventory *inv, const char *text, size_t len, const char *filename, struct error *err) {
    CLEANUP(cleanup_yaml) struct yaml_doc *doc = parse(text, len, filename, err);
    const struct yaml_node *root = doc ? yaml_root(doc) : NULL;
    if (!doc) return -1;
    if (!root || root->kind == YAML_NULL) return 0;
    if (root->kind != YAML_MAPPING) return yaml_error(doc, root, err, "an inventory is a mapping of groups");
    const struct yaml_node *plugin = yaml_get(root, "plugin");
    if (plugin) {
        error_set(err, ERR_UNSUPPORTED, "%s:%d: inventory plugins are not run", filename, plugin->line);
        return error_hint(err, "`ansible-inventory -i %s --list --yaml --output FILE` writes what it says into a file",
                          filename);
    }
    struct reader r = {inv, doc, filename, err};
    for (size_t i = 0; i < root->count; i++)
        if (read_group(&r, root->keys[i]->text, root->keys[i], root->items[i], NULL) != 0) return -1;
    return 0;
}

/* --- files of variables ----------------------------------------------------------------------- */
int inventory_read_variables(struct inventory *inv, const char *path, json_t *into, struct error *err) {
    static const char vault[] = "$ANSIBLE_VAULT;";
    size_t len = 0;
    if (inventory_count_file(inv, path, err) != 0) return -1;
    CLEANUP_FREE char *text = file_read(path, INVENTORY_MAX_FILE_BYTES, &len, err);
    if (!text) return -1;
    if (len >= sizeof vault - 1 && memcmp(text, vault, sizeof vault - 1) == 0) return 0; /* secrets: of no use here */
    CLEANUP(cleanup_yaml) struct yaml_doc *doc = parse(text, len, path, err);
    const struct yaml_node *root = doc ? yaml_root(doc) : NULL;
    if (!doc) return -1;
    if (!root || root->kind == YAML_NULL) return 0;
    if (root->kind != YAML_MAPPING) return yaml_error(doc, root, err, "variables are a mapping (name: value)");
    struct place at = {path, root->line};
    return set_variables(root, into, &at, err);
}
