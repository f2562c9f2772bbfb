/* Text that other programs must be able to read. Internal to schemas/. */
#pragma once

/* NULL when `text` is UTF-8 as it is, else a copy with U+FFFD for each malformed byte; the caller frees it. */
char *text_repaired(const char *text);
