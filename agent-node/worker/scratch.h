/* How much a runner without a mount namespace has put into its scratch folder: there is no tmpfs around it whose size
 * would be a limit. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SCRATCH_MAX_BYTES ((int64_t)1 << 30) /* as of the tmpfs that runners inside bubblewrap have */
#define SCRATCH_MAX_FILES 65536
/* Whether what lies below `folder` is over either limit, or deeper than anybody needs. Links are counted and not
 * followed, whoever changes the tree meanwhile. False when the folder has gone. */
bool scratch_is_over(const char *folder);
