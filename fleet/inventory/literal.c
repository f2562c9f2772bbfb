/* Values. In INI files Ansible tries each as a literal of Python and keeps the text where that fails; in YAML files
 * plain scalars follow YAML 1.1. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/number.h"
#include "common/utf8.h"
#include "common/yaml.h"
#include "fleet/inventory/internal.h"

#define MAX_DEPTH 16

struct reader {
    const char *at;
    int depth;
};

static json_t *text_value(const char *text) {
    CLEANUP_FREE char *clean = xstrdup(text);
    utf8_clean(clean);
    return json_string(clean);
}

static void skip_space(struct reader *r) {
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r') r->at++;
}

/* 'a' or "a" with the escapes that configuration uses; others stay as they are. */
static json_t *read_string(struct reader *r) {
    char quote = *r->at++;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, "");
    for (; *r->at && *r->at != quote; r->at++) {
        if (*r->at != '\\' || !r->at[1]) {
            buf_putc(&text, *r->at);
            continue;
        }
        static const char from[] = "nrt\\'\"", to[] = "\n\r\t\\'\"";
        const char *known = strchr(from, *++r->at);
        if (!known) buf_putc(&text, '\\');
        buf_putc(&text, known ? to[known - from] : *r->at);
    }
    if (*r->at != quote) return NULL;
    r->at++;
    return text_value(text.data ? text.data : "");
}

/* Python refuses numbers with leading zeros. */
static bool leading_zero(const char *s) {
    s += *s == '-' || *s == '+';
    return s[0] == '0' && isdigit((unsigned char)s[1]);
}

static json_t *number_value(const char *text) {
    int64_t whole;
    double real;
    if (leading_zero(text)) return NULL;
    if (number_int(text, &whole) == NUMBER_OK) return json_integer(whole);
    return strpbrk(text, ".eE") && number_double(text, &real) == NUMBER_OK ? json_real(real) : NULL;
}

static json_t *read_word(struct reader *r) {
    size_t len = strcspn(r->at, ",]}): \t\r\n");
    CLEANUP_FREE char *word = xstrndup(r->at, len);
    r->at += len;
    if (strcmp(word, "True") == 0) return json_true();
    if (strcmp(word, "False") == 0) return json_false();
    if (strcmp(word, "None") == 0) return json_null();
    return number_value(word);
}

static json_t *read_value(struct reader *r);

static json_t *read_list(struct reader *r, char end) {
    json_t *list = json_array();
    for (r->at++, skip_space(r); *r->at != end; skip_space(r)) {
        json_t *item = read_value(r);
        skip_space(r);
        if (!item || json_array_append_new(list, item) != 0 || (*r->at != ',' && *r->at != end)) {
            json_decref(list);
            return NULL;
        }
        if (*r->at == ',') r->at++;
    }
    r->at++;
    return list;
}

static bool read_pair(struct reader *r, json_t *object) {
    json_t *key = read_value(r), *value = NULL;
    skip_space(r);
    bool good = json_is_string(key) && *r->at == ':';
    if (good) {
        r->at++;
        value = read_value(r);
        skip_space(r);
        good = value && (*r->at == ',' || *r->at == '}');
    }
    if (good) json_object_set(object, json_string_value(key), value);
    json_decref(key);
    json_decref(value);
    return good;
}

static json_t *read_dict(struct reader *r) {
    json_t *object = json_object();
    for (r->at++, skip_space(r); *r->at != '}'; skip_space(r)) {
        if (!read_pair(r, object)) {
            json_decref(object);
            return NULL;
        }
        if (*r->at == ',') r->at++;
    }
    r->at++;
    return object;
}

static json_t *read_value(struct reader *r) {
    skip_space(r);
    if (*r->at == '\'' || *r->at == '"') return read_string(r);
    if (*r->at != '[' && *r->at != '(' && *r->at != '{') return read_word(r);
    if (r->depth == MAX_DEPTH) return NULL;
    r->depth++;
    json_t *value = *r->at == '{' ? read_dict(r) : read_list(r, *r->at == '[' ? ']' : ')');
    r->depth--;
    return value;
}

json_t *literal_value(const char *text) {
    struct reader r = {.at = text};
    json_t *value = *text ? read_value(&r) : NULL;
    if (value) skip_space(&r);
    if (value && !*r.at) return value;
    json_decref(value);
    return text_value(text);
}

static json_t *plain_scalar(const char *text) {
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    if (!*text || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0) return json_null();
    for (size_t i = 0; i < 3; i++) {
        if (strcasecmp(text, yes[i]) == 0) return json_true();
        if (strcasecmp(text, no[i]) == 0) return json_false();
    }
    json_t *number = number_value(text);
    return number ? number : text_value(text);
}

json_t *literal_of_yaml(const struct yaml_node *n) {
    json_t *value = NULL;
    switch (n->kind) {
        case YAML_NULL:
            return json_null();
        case YAML_SCALAR:
            return n->quoted ? text_value(n->text) : plain_scalar(n->text);
        case YAML_SEQUENCE:
            value = json_array();
            for (size_t i = 0; i < n->count; i++) json_array_append_new(value, literal_of_yaml(n->items[i]));
            return value;
        case YAML_MAPPING:
            value = json_object();
            for (size_t i = 0; i < n->count; i++) {
                CLEANUP_FREE char *key = xstrdup(n->keys[i]->text ? n->keys[i]->text : "");
                utf8_clean(key);
                json_object_set_new(value, key, literal_of_yaml(n->items[i]));
            }
            return value;
    }
    return json_null();
}
