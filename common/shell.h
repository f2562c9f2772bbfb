/* Text for a POSIX shell. */
#pragma once
#include "common/buf.h"

/* Appends `text` as one word that means itself to every POSIX shell. */
void shell_quote(struct buf *b, const char *text);
