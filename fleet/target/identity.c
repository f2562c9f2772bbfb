#include "fleet/target/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool identity_has_word(const char *text, const char *word) {
    size_t len = strlen(word);
    if (!len) return false;
    for (const char *p = text; *p; p++) {
        bool starts = p == text || !isalnum((unsigned char)p[-1]) || !isalnum((unsigned char)word[0]);
        if (!starts || strncasecmp(p, word, len) != 0) continue;
        if (!isalnum((unsigned char)p[len]) || !isalnum((unsigned char)word[len - 1])) return true;
    }
    return false;
}

/* Length of a trademark sign at `p`, 0 for none. */
static size_t trademark(const char *p) {
    static const char *const sign[] = {"(r)", "(tm)", "(c)"};
    for (size_t i = 0; i < sizeof sign / sizeof *sign; i++)
        if (!strncasecmp(p, sign[i], strlen(sign[i]))) return strlen(sign[i]);
    return 0;
}

void identity_slug(const char *text, char *out, size_t size) {
    size_t n = 0;
    bool gap = false;
    while (*text && n + 2 < size) {
        size_t skip = trademark(text);
        if (skip || !isalnum((unsigned char)*text)) {
            gap = n > 0;
            text += skip ? skip : 1;
            continue;
        }
        if (gap) out[n++] = '-';
        gap = false;
        out[n++] = (char)tolower((unsigned char)*text++);
    }
    out[n] = 0;
}

void identity_vendor(const struct rec_device *d, char *out, size_t size) {
    static const struct {
        const char *word, *vendor;
    } known[] = {{"nvidia", "nvidia"}, {"advanced micro devices", "amd"},
                 {"amd", "amd"},       {"intel", "intel"},
                 {"mesa", "mesa"},     {"apple", "apple"},
                 {"arm", "arm"},       {"qualcomm", "qualcomm"},
                 {"pocl", "pocl"},     {"imagination", "imagination"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (identity_has_word(d->vendor, known[i].word)) {
            snprintf(out, size, "%s", known[i].vendor);
            return;
        }
    identity_slug(d->vendor, out, size);
    out[strcspn(out, "-")] = 0;
}

/* Words that say nothing: the vendor itself, and what every model of it is called. */
static bool is_noise(const char *word, const char *vendor) {
    static const char *const noise[] = {"corporation", "graphics", "inc", "gpu", "series"};
    if (!strcmp(word, vendor)) return true;
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++)
        if (!strcmp(word, noise[i])) return true;
    return false;
}

void identity_vendor_model(const struct rec_device *d, char out[TARGET_NAME_SIZE]) {
    char vendor[32], model[256], name[192];
    identity_vendor(d, vendor, sizeof vendor);
    snprintf(name, sizeof name, "%s", d->name);
    name[strcspn(name, ":")] = 0; /* "gfx90a:sramecc+:xnack-" */
    identity_slug(name, model, sizeof model);
    size_t n = (size_t)snprintf(out, TARGET_NAME_SIZE, "%s", vendor);
    char *saved = NULL;
    for (char *w = strtok_r(model, "-", &saved); w; w = strtok_r(NULL, "-", &saved)) {
        if (is_noise(w, vendor) || n + strlen(w) + 2 > TARGET_NAME_SIZE) continue;
        n += (size_t)snprintf(out + n, TARGET_NAME_SIZE - n, "%s%s", n ? "-" : "", w);
    }
    if (!n) snprintf(out, TARGET_NAME_SIZE, "device");
}
