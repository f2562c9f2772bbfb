/* Files that come with the program: problems, kernels, the demo. */
#pragma once
#include "common/error.h"
/* The folder that holds problems/, kernels/ and demo/: PORTOLAN_SHARE, else the source tree this program was built in,
 * else
 * ../share/portolan beside it. Caller frees. ERR_NOT_FOUND names the places tried. */
char *share_dir(struct error *err);
/* Folder of this executable. Caller frees; NULL when /proc is missing. */
char *program_dir(void);
