/* Selectors: what a campaign or a rule asks of a device, {vendor: nvidia, memory: ">= 16 GiB"}. All terms must hold.
 *
 *   text     vendor name platform driver version kind backend id target
 *            == and != compare whole words whatever the case (`name: h200` holds for "NVIDIA H200"), or are patterns
 * when the value has * or ?; `vendor` also takes the short word nvidia, amd, intel, mesa; ~ is a pattern over the whole
 *            text; < <= > >= compare the first dotted number in it (driver: ">= 535.104")
 *   list     extension label subgroup (or: extensions labels sub_group)
 *            == holds when the value is among them, != when not
 *   bytes    memory max_alloc local_memory cache: numbers with B, KB, MB, GB, TB, KiB, MiB, GiB, TiB
 *   number   compute_units max_work_group_size (or: work_group) copy_gbps fma_gflops
 *   boolean  fp16 fp64 event_times host_memory: true or false
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "records.h"

struct target_term {
    const char *key, *op, *value; /* op: == != < <= > >= ~ */
};
/* Key, operator and value make sense whatever the device. ERR_INVALID, naming the nearest key. */
int target_selector_check(const struct target_term *term, size_t n, struct error *err);
/* Whether `d` satisfies every term; false for terms that target_selector_check() refuses. */
bool target_selector_matches(const struct target_term *term, size_t n, const struct rec_device *d);
/* Index of the first term that `d` does not satisfy, -1 when it satisfies all: for "why". */
int target_selector_first_miss(const struct target_term *term, size_t n, const struct rec_device *d);
/* Split ">= 16 GiB" into operator and value as files write them; "==" where none is written. `op` gets at most 2 bytes
 * and a NUL; returns where the value begins. */
const char *target_selector_split(const char *text, char op[3]);
/* "16 GiB" to bytes. ERR_INVALID. */
int target_selector_bytes(const char *text, double *ret, struct error *err);
