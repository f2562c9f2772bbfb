/* Names made from what a device says of itself. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "records.h"

#define TARGET_NAME_SIZE 64
/* "nvidia", "amd", "intel", "mesa", ... from "NVIDIA Corporation" and its like; an unknown vendor's first word. */
void identity_vendor(const struct rec_device *d, char *out, size_t size);
/* "nvidia-h200", "amd-gfx90a", "intel-arc-a770": vendor and model in [a-z0-9-], at most TARGET_NAME_SIZE - 1 bytes;
 * "device" when the device says nothing. */
void identity_vendor_model(const struct rec_device *d, char out[TARGET_NAME_SIZE]);
/* Lower-case words of [a-z0-9] joined by dashes, "(R)" and "(TM)" left out. */
void identity_slug(const char *text, char *out, size_t size);
/* `word` stands in `text` as a whole word or words, whatever the case: "h200" in "NVIDIA H200", not in "H2000". */
bool identity_has_word(const char *text, const char *word);
