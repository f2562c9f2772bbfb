#include "cli/render.h"

#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/utf8.h"

double json_number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *json_shown(json_t *value) {
    const char *text = json_string_value(value);
    if (!text) return "";
    CLEANUP_FREE char *clean = xstrdup(text);
    utf8_clean(clean);
    if (strcmp(clean, text) != 0) json_string_set(value, clean);
    return json_string_value(value);
}

const char *json_text(const json_t *object, const char *key) {
    return json_shown(json_object_get(object, key));
}

long long json_count(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

void render_speedup(const json_t *cell, char out[RENDER_SIZE]) {
    double x = json_number(cell, "speedup"), low = json_number(cell, "speedup_low"),
           high = json_number(cell, "speedup_high");
    *out = '\0';
    if (isnan(x)) return;
    if (isnan(low) || isnan(high))
        snprintf(out, RENDER_SIZE, "%.2fx", x);
    else
        snprintf(out, RENDER_SIZE, "%.2fx [%.2f, %.2f]", x, low, high);
}

/* Three digits: 9.87, 98.7, 987 and never 1e+03. */
static void three_digits(double x, const char *unit, char out[RENDER_SIZE]) {
    snprintf(out, RENDER_SIZE, "%.*f %s", x < 9.995 ? 2 : x < 99.95 ? 1 : 0, x, unit);
}

void render_promotion(const json_t *cell, char out[RENDER_SIZE]) {
    const char *status = json_text(cell, "status");
    double first = json_number(cell, "first_speedup");
    out[0] = 0;
    if (strcmp(status, "confirmed") != 0 && strcmp(status, "retracted") != 0) return;
    if (isnan(first))
        snprintf(out, RENDER_SIZE, ", %s", status);
    else
        snprintf(out, RENDER_SIZE, ", %s (first %.2fx)", status, first);
}

void render_time_ns(double ns, char out[RENDER_SIZE]) {
    if (isnan(ns))
        snprintf(out, RENDER_SIZE, "-");
    else if (ns < 999.5e3)
        three_digits(ns / 1e3, "us", out);
    else if (ns < 999.5e6)
        three_digits(ns / 1e6, "ms", out);
    else
        three_digits(ns / 1e9, "s", out);
}

void render_duration_ms(double ms, char out[RENDER_SIZE]) {
    if (isnan(ms))
        snprintf(out, RENDER_SIZE, "-");
    else if (ms < 999.5)
        snprintf(out, RENDER_SIZE, "%.0f ms", ms);
    else if (ms < 59950)
        snprintf(out, RENDER_SIZE, "%.1f s", ms / 1000);
    else
        snprintf(out, RENDER_SIZE, "%lld min %lld s", (long long)(ms / 60000), (long long)(ms / 1000) % 60);
}

void render_percent(double share, char out[RENDER_SIZE]) {
    if (isnan(share))
        snprintf(out, RENDER_SIZE, "-");
    else
        snprintf(out, RENDER_SIZE, "%.*f %%", share < 0.0995 ? 1 : 0, share * 100);
}
