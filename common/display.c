#include "common/display.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/utf8.h"

#define NARROWEST 20 /* a terminal that says less does not know */

size_t terminal_columns(FILE *out, size_t fallback) {
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd)) return fallback;
    return ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col < NARROWEST ? fallback : size.ws_col;
}

/* Length of one of colour_on()'s and colour_off()'s sequences (ESC [ 0 to 2 m, ESC [ 30 to 37 m) at s, or 0. Others,
 * such as the one that hides what follows, are nobody's. */
static size_t colour_length(const char *s) {
    if (s[0] != '\x1b' || s[1] != '[') return 0;
    size_t n = 2 + (s[2] == '3');
    bool ours = s[2] == '3' ? s[3] >= '0' && s[3] <= '7' : s[2] >= '0' && s[2] <= '2';
    return ours && s[n + 1] == 'm' ? n + 2 : 0;
}

/* One step through s[0..len): its bytes, the columns it takes, and whether it may be shown as it is. */
struct step {
    size_t bytes, columns;
    bool plain;
};

static struct step step_at(const char *s, size_t len) {
    uint32_t c;
    size_t n = colour_length(s);
    if (n > 0) return (struct step){n, 0, true};
    n = utf8_decode(s, len, &c);
    if (n == 0) return (struct step){1, 1, false};
    if (!utf8_is_shown(c)) return (struct step){n, 1, false};
    return (struct step){n, (size_t)utf8_width(c), true};
}

size_t display_width(const char *text) {
    size_t len = strlen(text), width = 0;
    for (size_t i = 0; i < len;) {
        struct step step = step_at(text + i, len - i);
        width += step.columns;
        i += step.bytes;
    }
    return width;
}

static void append_step(struct buf *b, const char *s, struct step step) {
    if (step.plain)
        buf_append(b, s, step.bytes);
    else
        buf_putc(b, *s == '\n' || *s == '\t' ? ' ' : '?');
}

char *display_line(const char *text) {
    struct buf b = BUF_INIT;
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        struct step step = step_at(text + i, len - i);
        append_step(&b, text + i, step);
        i += step.bytes;
    }
    return buf_take(&b);
}

char *display_lines(const char *text) {
    struct buf b = BUF_INIT;
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        struct step step = step_at(text + i, len - i);
        if (text[i] == '\n' || text[i] == '\t')
            buf_putc(&b, text[i]);
        else if (text[i] != '\r')
            append_step(&b, text + i, step);
        i += step.bytes;
    }
    return buf_take(&b);
}

char *display_cut(const char *text, size_t columns) {
    CLEANUP_FREE char *line = display_line(text);
    if (display_width(line) <= columns) return TAKE(line);
    static const char dots[] = "...";
    size_t room = columns > strlen(dots) ? columns - strlen(dots) : 0, len = strlen(line), used = 0;
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < len;) {
        struct step step = step_at(line + i, len - i);
        /* Beyond the cut only colour sequences count: the one that ends a colour must not be lost. */
        if (used + step.columns > room) used = room + 1;
        if (used <= room || step.columns == 0) buf_append(&b, line + i, step.bytes);
        if (used <= room) used += step.columns;
        i += step.bytes;
    }
    buf_append(&b, dots, columns < strlen(dots) ? columns : strlen(dots));
    return buf_take(&b);
}
