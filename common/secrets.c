#include "common/secrets.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define LENGTH_LEAST 6
#define FILE_SUFFIX ".file"

/* --- properties ------------------------------------------------------------------------------- */
static const char *const properties[] = {"sasl.password",
                                         "ssl.key.password",
                                         "ssl.key.pem",
                                         "ssl.keystore.password",
                                         "sasl.oauthbearer.config",
                                         "sasl.oauthbearer.client.secret",
                                         NULL};

bool secret_property(const char *key) {
    for (size_t i = 0; properties[i]; i++)
        if (strcmp(properties[i], key) == 0) return true;
    return false;
}

bool secret_property_file(const char *key, char *out, size_t size) {
    size_t len = strlen(key), suffix = strlen(FILE_SUFFIX);
    if (len <= suffix || len - suffix >= size || strcmp(key + len - suffix, FILE_SUFFIX) != 0) return false;
    memcpy(out, key, len - suffix);
    out[len - suffix] = 0;
    return secret_property(out);
}

/* --- files ------------------------------------------------------------------------------------ */
int secret_check_mode(const char *path, unsigned mode, struct error *err) {
    if ((mode & 077) == 0) return 0;
    error_set(err, ERR_AUTH, "%s holds a secret and others can read or change it (mode %03o)", path, mode & 0777);
    return error_hint(err, "chmod 600 %s; if others may have seen it, change the secret", path);
}

int secret_check_file(const char *path, struct error *err) {
    struct stat st;
    return stat(path, &st) == 0 ? secret_check_mode(path, (unsigned)st.st_mode, err) : 0;
}

char *secret_read(const char *path, size_t limit, struct error *err) {
    if (secret_check_file(path, err) != 0) return NULL;
    char *text = file_read(path, limit, NULL, err);
    if (!text) return NULL;
    text[strcspn(text, "\r\n")] = 0;
    if (*text) {
        secret_declare(text);
        return text;
    }
    error_set(err, ERR_INVALID, "%s: the first line must be the secret, and it is empty", path);
    free(text);
    return NULL;
}

/* --- what must not be shown ------------------------------------------------------------------- */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static char **declared; /* for the life of the process: a late message may still quote one */
static size_t declared_count;

void secret_declare(const char *text) {
    if (strlen(text) < LENGTH_LEAST) return;
    pthread_rwlock_wrlock(&lock);
    bool known = false;
    for (size_t i = 0; i < declared_count; i++) known |= strcmp(declared[i], text) == 0;
    if (!known) {
        declared = xrealloc(declared, (declared_count + 1) * sizeof *declared);
        declared[declared_count++] = xstrdup(text);
    }
    pthread_rwlock_unlock(&lock);
}

bool secret_blot(char *text) {
    bool found = false;
    pthread_rwlock_rdlock(&lock);
    for (size_t i = 0; i < declared_count; i++) {
        size_t len = strlen(declared[i]);
        for (char *at = strstr(text, declared[i]); at; at = strstr(at + len, declared[i])) {
            memset(at, '*', len);
            found = true;
        }
    }
    pthread_rwlock_unlock(&lock);
    return found;
}
