/* Which distributions a size is checked with. */
#pragma once
#include <stdbool.h>

#include "problems/data/data.h"

/* All that some input of `b` can hold; with `timed`, at the size that is timed, those that find what the small sizes
 * cannot: declared data, signed data and the precision probe. Returns their number; DIST_DECLARED comes first. */
int distributions_for(const struct bound *b, bool timed, enum distribution out[DIST_COUNT]);
