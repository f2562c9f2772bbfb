/* The digest of a run as text and as Slack's JSON. */
#include "coordinator/sweep/digest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

static int rank_of(const struct digest_item *item) {
    return item->recovery ? 1 : item->finding.faster ? 2 : 0;
}

static int compare_items(const void *a, const void *b) {
    const struct digest_item *x = a, *y = b;
    if (rank_of(x) != rank_of(y)) return rank_of(x) - rank_of(y);
    double dx = fabs(x->finding.effect), dy = fabs(y->finding.effect);
    if (dx != dy) return dx < dy ? 1 : -1;
    return x->finding.id < y->finding.id ? -1 : x->finding.id > y->finding.id;
}

void digest_sort(struct digest_item *items, size_t count) {
    if (count > 0) qsort(items, count, sizeof *items, compare_items);
}

static void add_time(struct buf *buf, double ns) {
    if (ns < 1e3)
        buf_printf(buf, "%.0f ns", ns);
    else if (ns < 1e6)
        buf_printf(buf, "%.3g us", ns / 1e3);
    else if (ns < 1e9)
        buf_printf(buf, "%.3g ms", ns / 1e6);
    else
        buf_printf(buf, "%.3g s", ns / 1e9);
}

static void add_change(struct buf *buf, double effect) {
    if (effect >= 1)
        buf_printf(buf, "takes %.3g times as long", 1 + effect);
    else
        buf_printf(buf, "%.1f %% %s", 100 * fabs(effect), effect < 0 ? "faster" : "slower");
}

static void add_headline(struct buf *buf, const struct digest_item *item) {
    const struct row_finding *f = &item->finding;
    buf_printf(buf, "#%lld ", (long long)f->id);
    if (*f->kernel) buf_printf(buf, "%s", f->kernel);
    if (*f->kernel && *f->device) buf_puts(buf, " on ");
    if (*f->device) buf_printf(buf, "%s", f->device);
    buf_puts(buf, ": ");
    add_change(buf, f->effect);
    buf_puts(buf, item->recovery ? ", back at its old norm" : "");
}

static void add_item(struct buf *buf, const struct digest_item *item) {
    add_headline(buf, item);
    buf_printf(buf, "\n  likely: %s (%s)", item->finding.cause, item->cause_text);
    if (*item->finding.note) buf_printf(buf, "\n  %s", item->finding.note);
    size_t shown = item->series_count < DIGEST_SERIES_MAX ? item->series_count : DIGEST_SERIES_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct digest_series *s = &item->series[i];
        buf_printf(buf, "\n  %s/%s at %s on %s/%s: ", s->series.problem, s->series.kernel, s->series.size,
                   s->series.node, s->series.device);
        add_change(buf, s->effect);
        buf_puts(buf, ", ");
        add_time(buf, s->norm_ns);
        buf_puts(buf, " -> ");
        add_time(buf, s->norm_ns * (1 + s->effect));
        buf_printf(buf, " (noise of a night %.1f %%)", 100 * s->band);
    }
    if (item->series_count > shown) buf_printf(buf, "\n  and %zu more series", item->series_count - shown);
}

static void add_summary(struct buf *buf, const struct digest *digest) {
    size_t ranks[3] = {0};
    for (size_t i = 0; i < digest->count; i++) ranks[rank_of(&digest->items[i])]++;
    if (digest->count + digest->more == 0) {
        buf_puts(buf, "nothing changed");
    } else {
        const char *const names[] = {"slower", "recovered", "faster"};
        bool any = false;
        for (int r = 0; r < 3; r++)
            if (ranks[r] > 0) buf_printf(buf, "%s%zu %s", any ? ", " : "", ranks[r], names[r]), any = true;
        if (digest->more > 0) buf_printf(buf, ", %zu more", digest->more);
    }
    buf_printf(buf, "; %lld of %lld measured", (long long)digest->measured, (long long)digest->planned);
    if (digest->again > 0)
        buf_printf(buf, ", %d series measured again and %d of those in order then", digest->again, digest->dropped);
    if (digest->open > 0) buf_printf(buf, "; %d open in all", digest->open);
}

static void add_footer(struct buf *buf, const struct digest *digest) {
    if (digest->more > 0)
        buf_printf(buf, "and %zu more findings: portolan sweep findings %s\n", digest->more, digest->sweep);
    if (digest->count > 0)
        buf_printf(buf, "accept a new level: portolan sweep ack %s ID; silence: portolan sweep mute %s PATTERN",
                   digest->sweep, digest->sweep);
}

char *digest_text(const struct digest *digest) {
    CLEANUP(buf_done) struct buf buf = BUF_INIT;
    buf_printf(&buf, "%s: ", digest->title);
    add_summary(&buf, digest);
    buf_puts(&buf, "\n");
    for (size_t i = 0; i < digest->count; i++) {
        add_item(&buf, &digest->items[i]);
        buf_puts(&buf, "\n");
    }
    add_footer(&buf, digest);
    return buf_take(&buf);
}

/* --- Slack ------------------------------------------------------------------------------------ */

/* Slack reads &, < and > as its own; newlines and the rest are JSON's business. Cut to DIGEST_TEXT_MAX bytes, at the
 * beginning of a character. The caller frees. */
static char *escaped(const char *text) {
    CLEANUP(buf_done) struct buf buf = BUF_INIT;
    for (; *text; text++) {
        bool begins = ((unsigned char)*text & 0xc0) != 0x80;
        if (begins && buf.len > DIGEST_TEXT_MAX) {
            buf_puts(&buf, " ...");
            break;
        }
        if (*text == '&')
            buf_puts(&buf, "&amp;");
        else if (*text == '<')
            buf_puts(&buf, "&lt;");
        else if (*text == '>')
            buf_puts(&buf, "&gt;");
        else
            buf_append(&buf, text, 1);
    }
    return buf_take(&buf);
}

static json_t *text_object(const char *type, const char *text) {
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(type));
    json_t *string = json_string(text); /* NULL where it is no UTF-8 */
    json_object_set_new(object, "text", string ? string : json_string("(a text that is not UTF-8)"));
    return object;
}

static const char *text_of(const struct buf *buf) {
    return buf->data ? buf->data : "";
}

/* `text` is escaped here. */
static void add_section(json_t *blocks, const char *text) {
    CLEANUP_FREE char *safe = escaped(text);
    json_t *block = json_object();
    json_object_set_new(block, "type", json_string("section"));
    json_object_set_new(block, "text", text_object("mrkdwn", safe));
    json_array_append_new(blocks, block);
}

json_t *digest_slack(const struct digest *digest) {
    CLEANUP(buf_done) struct buf summary = BUF_INIT;
    CLEANUP(buf_done) struct buf footer = BUF_INIT;
    buf_printf(&summary, "%s: ", digest->title);
    add_summary(&summary, digest);
    json_t *blocks = json_array(), *message = json_object();
    add_section(blocks, text_of(&summary));
    for (size_t i = 0; i < digest->count; i++) {
        CLEANUP(buf_done) struct buf item = BUF_INIT;
        add_item(&item, &digest->items[i]);
        add_section(blocks, text_of(&item));
    }
    add_footer(&footer, digest);
    if (footer.len > 0) add_section(blocks, text_of(&footer));
    /* what a client without blocks shows, and a telephone's notification */
    CLEANUP_FREE char *short_text = escaped(text_of(&summary));
    json_t *string = json_string(short_text);
    json_object_set_new(message, "text", string ? string : json_string("a sweep found something"));
    json_object_set_new(message, "blocks", blocks);
    return message;
}
