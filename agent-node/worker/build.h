/* From source to the driver's binary: preprocess in the sandbox, source rules (step 2), compile in the sandbox, all
 * through the cache. */
#pragma once
#include "agent-node/worker/subject.h"

/* A compile runner, started when it is first needed. One serves the configurations of one kernel, or the baselines; it
 * is thrown away after any failure. */
struct compiler {
    struct trial *trial;
    struct runner *runner; /* NULL until needed */
};
/* Fit for CLEANUP. */
void compiler_done(struct compiler *c);

/* Fills s->binary and s->text. Takes no lock: the caller holds the domain shared and counts the time. Several
 * threads may build, each with a compiler of its own. -1 with *f set: refused_source,
 * compile_error, compile_timeout, launch_error, crashed, or infrastructure. */
int build(struct compiler *c, struct subject *s, struct finding *f);
