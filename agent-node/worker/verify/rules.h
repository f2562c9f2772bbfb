/* Step 2: the source rules. A filter that refuses what an honest kernel never needs and a cheating one does; not the
 * defence (that is the process boundary: docs/verification.md). */
#pragma once
#include "agent-node/worker/finding.h"

/* Before preprocessing: directives that would read files, and bytes that are not ASCII. */
int rules_check_raw(const char *source, struct finding *ret);
/* After preprocessing: the text that will be compiled. */
int rules_check_text(const char *text, struct finding *ret);
