/* How sweeps and their runs look to a person. Input is the JSON of docs/api.md, /v1/sweeps. */
#pragma once
#include "cli/render.h"

/* The answer of GET /v1/sweeps. */
void render_sweeps(const json_t *sweeps, FILE *out);
/* The answer of GET /v1/sweeps/NAME: schedule, rules, the next times, what is measured where. */
void render_sweep(const json_t *sweep, FILE *out);
/* The answer of GET /v1/sweeps/NAME/runs. */
void render_sweep_runs(const json_t *runs, FILE *out);
