/* Secrets: passwords and tokens that this process knows. They come from files that nobody else can read, never from a
 * command line or an environment (which process listings show), and no log line or message has them: what was declared
 * here is blotted out of both. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* Is the value of this librdkafka property a secret (sasl.password, ...)? With `.file` behind it, it is a path. */
bool secret_property(const char *key);
/* Is it "PROPERTY.file" of such a property? The name without ".file" into out. */
bool secret_property_file(const char *key, char *out, size_t size);

/* ERR_AUTH when others than the owner can read, or write, the file; `path` goes into the message. */
int secret_check_mode(const char *path, unsigned mode, struct error *err);
/* The same for a file by its name. One that is not there is fine: who opens it will say so. */
int secret_check_file(const char *path, struct error *err);
/* The first line of a file that only its owner can read, at most `limit` bytes; the caller frees. ERR_AUTH as above,
 * ERR_INVALID when it is empty, ERR_NOT_FOUND, ERR_IO, ERR_LIMIT. The secret is declared. */
char *secret_read(const char *path, size_t limit, struct error *err);

/* From now on secret_blot() knows it. Texts under 6 characters are left alone: they would be found everywhere. */
void secret_declare(const char *text);
/* Replace each declared secret in text by as many '*'. Returns whether there was any. Thread-safe. */
bool secret_blot(char *text);
