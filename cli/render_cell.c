/* One cell: as a line of a list, and at length. */
#include <math.h>
#include <string.h>

#include "cli/render.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/display.h"

#define VERDICT_COLUMNS 17 /* of "reduced_precision", the longest */

bool cell_is_correct(const json_t *cell) {
    return !strcmp(json_text(cell, "verdict"), "correct");
}

bool cell_is_reduced(const json_t *cell) {
    const char *precision = json_text(cell, "precision");
    return *precision && strcmp(precision, "relaxed") != 0;
}

/* A result has no state: it is an end. */
bool cell_has_ended(const json_t *cell) {
    const char *state = json_text(cell, "state");
    return !*state || !strcmp(state, "done") || !strcmp(state, "gave_up") || !strcmp(state, "cancelled") ||
           !strcmp(state, "no_device");
}

const char *cell_standing(const json_t *cell) {
    const char *verdict = json_text(cell, "verdict"), *outcome = json_text(cell, "outcome");
    return *verdict ? verdict : *outcome ? outcome : json_text(cell, "state");
}

enum colour cell_colour(const json_t *cell) {
    if (cell_is_correct(cell)) return COLOUR_GREEN;
    if (*json_text(cell, "verdict")) return COLOUR_RED;
    return cell_has_ended(cell) ? COLOUR_YELLOW : COLOUR_NONE;
}

/* "softmax-kept", or "lanes (mlp)" where the kernel's name does not begin with its problem's. */
static char *kernel_text(const json_t *cell) {
    const char *kernel = json_text(cell, "kernel"), *problem = json_text(cell, "problem");
    const char *what = !strcmp(json_text(cell, "purpose"), "promotion") ? ", promotion" : "";
    return strncmp(kernel, problem, strlen(problem)) == 0 ? xasprintf("%s%s", kernel, what)
                                                          : xasprintf("%s (%s)%s", kernel, problem, what);
}

static void grow(size_t *width, const char *text) {
    size_t n = display_width(text);
    if (n > *width) *width = n;
}

void cell_layout_fit(struct cell_layout *layout, const json_t *cell) {
    grow(&layout->target, json_text(cell, "target"));
    grow(&layout->kernel, json_text(cell, "kernel"));
    grow(&layout->size, json_text(cell, "size"));
}

/* Time, speedup and baseline of a correct kernel; why not, of another. */
static char *figures(const json_t *cell) {
    char speedup[RENDER_SIZE], time[RENDER_SIZE], promotion[RENDER_SIZE];
    const char *evidence = json_text(cell, "evidence");
    render_promotion(cell, promotion);
    if (!cell_is_correct(cell)) return xstrndup(evidence, strcspn(evidence, "\n"));
    render_speedup(cell, speedup);
    render_time_ns(json_number(cell, "time_ns_p50"), time);
    const char *precision = json_text(cell, "precision"), *in = *precision ? ", declared " : "";
    if (!*speedup) return xasprintf("%7s  not timed%s%s", time, in, precision);
    return xasprintf("%7s  %s vs %s%s%s%s", time, speedup, json_text(cell, "baseline"), in, precision, promotion);
}

void render_cell_line(const json_t *cell, struct cell_layout *layout, FILE *out) {
    const char *word = cell_standing(cell);
    CLEANUP_FREE char *rest = figures(cell);
    cell_layout_fit(layout, cell);
    size_t pad = strlen(word) < VERDICT_COLUMNS ? VERDICT_COLUMNS - strlen(word) : 0;
    CLEANUP_FREE char *line =
        xasprintf("%s%s%s%*s  %-*s  %-*s %-*s  %s", colour_on(out, cell_colour(cell)), word, colour_off(out), (int)pad,
                  "", (int)layout->target, json_text(cell, "target"), (int)layout->kernel, json_text(cell, "kernel"),
                  (int)layout->size, json_text(cell, "size"), rest);
    CLEANUP_FREE char *shown = display_cut(line, terminal_columns(out, 1000));
    size_t len = strlen(shown);
    while (len && shown[len - 1] == ' ') shown[--len] = '\0';
    fprintf(out, "%s\n", shown);
}

/* --- at length -------------------------------------------------------------------------------- */
static void print_field(FILE *out, const char *name, const char *text) {
    CLEANUP_FREE char *line = display_line(text);
    fprintf(out, "  %-10s %s\n", name, line);
}

/* Every line indented. */
static void print_text(FILE *out, const char *text) {
    CLEANUP_FREE char *clean = display_lines(text);
    for (const char *line = clean; *line;) {
        size_t len = strcspn(line, "\n");
        fprintf(out, "  %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

/* What was measured of the candidate: the `measured` row with that role, or NULL. */
static const json_t *measured_of(const json_t *event, const char *role) {
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(event, "measured"), i, row) {
        if (!strcmp(json_text(row, "role"), role)) return row;
    }
    return NULL;
}

static void print_time(const json_t *cell, const json_t *event, FILE *out) {
    char time[RENDER_SIZE], light[RENDER_SIZE];
    const json_t *result = json_object_get(event, "result");
    double gflops = json_number(result, "gflops"), gbps = json_number(result, "gbps");
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    if (isnan(json_number(cell, "time_ns_p50"))) return;
    render_time_ns(json_number(cell, "time_ns_p50"), time);
    render_percent(json_number(cell, "speed_of_light"), light);
    buf_printf(&b, "%s a run", time);
    if (!isnan(gflops)) buf_printf(&b, ", %.3g GFLOP/s", gflops);
    if (!isnan(gbps)) buf_printf(&b, ", %.3g GB/s", gbps);
    if (*light != '-') buf_printf(&b, ", %s of the speed of light", light);
    print_field(out, "time", b.data);
}

static const char *compared(const json_t *cell) {
    double low = json_number(cell, "speedup_low"), high = json_number(cell, "speedup_high");
    if (isnan(low) || isnan(high)) return "";
    return low > 1.005 ? ": faster" : high < 0.995 ? ": slower" : ": no proven difference";
}

static void print_speedup(const json_t *cell, const json_t *event, FILE *out) {
    char speedup[RENDER_SIZE];
    const json_t *m = measured_of(event, "candidate");
    double confidence = json_number(m, "speedup_confidence");
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    render_speedup(cell, speedup);
    if (!*speedup) return;
    buf_printf(&b, "%s vs %s", speedup, json_text(cell, "baseline"));
    if (confidence > 0) buf_printf(&b, " (%.3g %% interval, %lld sets)", confidence * 100, json_count(m, "sets"));
    buf_puts(&b, compared(cell));
    if (json_is_true(json_object_get(cell, "weak_baseline"))) buf_puts(&b, " (weak baseline)");
    print_field(out, "speedup", b.data);
}

static void print_precision(const json_t *cell, FILE *out) {
    const char *precision = json_text(cell, "precision");
    if (!*precision) return;
    CLEANUP_FREE char *text = xasprintf("%s%s", precision, cell_is_reduced(cell) ? ", as declared: ranked apart" : "");
    print_field(out, "precision", text);
}

/* Why there is no time, or what the time there is suffered from. */
static void print_busy(const json_t *cell, FILE *out) {
    const char *why = json_text(cell, "busy");
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    if (!*why) return;
    buf_printf(&b, "%s: %s", isnan(json_number(cell, "time_ns_p50")) ? "not timed" : "these times are worth little",
               why);
    print_field(out, "busy", b.data);
}

static void print_baselines(const json_t *event, FILE *out) {
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(event, "measured"), i, row) {
        char time[RENDER_SIZE];
        if (strcmp(json_text(row, "role"), "baseline") != 0) continue;
        render_time_ns(json_number(row, "time_ns_p50"), time);
        buf_printf(&b, "%s%s %s", b.len ? ", " : "", json_text(row, "kernel"), time);
    }
    if (b.len) print_field(out, "baselines", b.data);
}

/* {"WG":64,"VEC":4} as "WG=64 VEC=4". */
static void print_config(const json_t *cell, FILE *out) {
    json_t *config = json_loads(json_text(cell, "config"), 0, NULL), *value;
    const char *name;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    json_object_foreach(config, name, value)
        buf_printf(&b, "%s%s=%lld", b.len ? " " : "", name, (long long)json_integer_value(value));
    if (b.len) print_field(out, "config", b.data);
    json_decref(config);
}

/* Phases with a '/' are parts of another; `lock` is waiting for others on the device. */
static void print_phases(const json_t *event, FILE *out) {
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    char text[RENDER_SIZE];
    size_t i;
    json_t *phase;
    json_array_foreach(json_object_get(event, "phases"), i, phase) {
        const char *name = json_text(phase, "name");
        double ms = json_number(phase, "ms");
        if (strchr(name, '/') || !(ms >= 1)) continue;
        render_duration_ms(ms, text);
        buf_printf(&b, "%s%s %s", b.len ? ", " : "", strcmp(name, "lock") ? name : "waiting for the device", text);
    }
    if (b.len) print_field(out, "took", b.data);
}

/* The evidence, and the log where it is wanted or says why the kernel did not compile. A compiler's first message is
 * the evidence: it is not said twice. */
static void print_words(const json_t *cell, const json_t *event, bool with_log, FILE *out) {
    const char *log = json_text(event, "log"), *evidence = json_text(cell, "evidence");
    bool wanted = *log && (with_log || !strncmp(json_text(cell, "verdict"), "compile", 7));
    if (!wanted || !strstr(log, evidence)) print_text(out, evidence);
    if (wanted) print_text(out, log);
}

/* What being measured again made of it, and by how much having been chosen had flattered it. */
static void print_promotion(const json_t *cell, FILE *out) {
    const char *evidence = json_text(cell, "promotion_evidence");
    double curse = json_number(cell, "winners_curse");
    if (!*evidence) return;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_printf(&b, "%s, %s", json_text(cell, "status"), evidence);
    if (!isnan(curse)) buf_printf(&b, " (winner's curse %.3f)", curse);
    print_field(out, "promotion", b.data);
}

void render_cell_whole(const json_t *cell, const json_t *event, bool with_log, FILE *out) {
    CLEANUP_FREE char *kernel = kernel_text(cell);
    const char *node = json_text(cell, "node"), *size = json_text(cell, "size");
    fprintf(out, "%s%s%s  %s on %s", colour_on(out, cell_colour(cell)), cell_standing(cell), colour_off(out), kernel,
            json_text(cell, "target"));
    if (*node) fprintf(out, " (node %s)", node);
    fprintf(out, "%s%s\n", *size ? ", size " : "", size);
    print_words(cell, event, with_log, out);
    if (cell_is_correct(cell)) {
        print_time(cell, event, out);
        print_speedup(cell, event, out);
        print_busy(cell, out);
        print_baselines(event, out);
        print_config(cell, out);
        print_precision(cell, out);
    }
    print_promotion(cell, out);
    if (*json_text(cell, "audit")) print_field(out, "audit", json_text(cell, "audit"));
    print_phases(event, out);
}
