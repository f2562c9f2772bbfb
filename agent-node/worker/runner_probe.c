/* WIRE_LIST: what a driver says of its devices, turned into records. Nothing of a candidate's runs in a probe, but
 * drivers say odd things: texts are made printable, numbers below 0 become 0. */
#include <string.h>

#include "agent-node/worker/runner_internal.h"
#include "common/cleanup.h"

#define LIST_LIMIT_MS 60000
#define MEASURE_LIMIT_MS 240000

static void set_text(char **field, const char *text, size_t size) {
    CLEANUP(buf_done) struct buf clean = BUF_INIT;
    text_make_printable(&clean, text, strnlen(text, size));
    rec_set(field, clean.data ? clean.data : "");
}

static int64_t not_negative(int64_t v) {
    return v < 0 ? 0 : v;
}

static double measured_or_zero(double v) {
    return v > 0 && v < 1e12 ? v : 0;
}

static void fill_limits(const struct wire_device *w, struct rec_device *d) {
    d->memory_bytes = not_negative(w->memory_bytes);
    d->max_alloc_bytes = not_negative(w->max_alloc_bytes);
    d->local_memory_bytes = not_negative(w->local_memory_bytes);
    d->cache_bytes = not_negative(w->cache_bytes);
    d->compute_units = (int32_t)not_negative(w->compute_units);
    d->max_work_group_size = not_negative(w->max_work_group_size);
    for (int i = 0; i < 3; i++) rec_list_long_push(&d->max_work_item_sizes, not_negative(w->max_work_item_sizes[i]));
    for (int i = 0; i < w->n_sub_group_sizes && i < 16; i++)
        if (w->sub_group_sizes[i] > 0) rec_list_long_push(&d->sub_group_sizes, w->sub_group_sizes[i]);
}

/* Drivers of the CPU contend for one set of cores; two drivers of one GPU have the same address on the bus. */
static void set_domain(const struct wire_device *w, struct rec_device *d) {
    CLEANUP(buf_done) struct buf bus = BUF_INIT;
    text_make_printable(&bus, w->bus, strnlen(w->bus, sizeof w->bus));
    if (d->host_memory)
        rec_set(&d->domain, "cpu");
    else if (bus.len)
        rec_setf(&d->domain, "pci-%s", bus.data);
    else
        rec_setf(&d->domain, "%s-%d-%d", *d->icd ? d->icd : d->backend, d->platform_index, d->device_index);
}

static void fill_device(const struct runner *r, const struct wire_device *w, struct rec_device *d) {
#define TEXT(field) set_text(&d->field, w->field, sizeof w->field)
    TEXT(platform), TEXT(platform_version), TEXT(vendor), TEXT(name), TEXT(driver_version), TEXT(device_version);
    TEXT(language_version), TEXT(kind), TEXT(extensions);
#undef TEXT
    rec_set(&d->backend, r->backend);
    rec_set(&d->icd, r->icd);
    rec_set(&d->sandbox, r->level);
    d->platform_index = w->platform_index;
    d->device_index = w->device_index;
    d->fp16 = w->fp16 != 0;
    d->fp64 = w->fp64 != 0;
    d->host_memory = w->host_memory != 0;
    d->event_times = w->measured && w->event_times;
    d->copy_gbps = w->measured ? measured_or_zero(w->copy_gbps) : 0;
    d->fma_gflops = w->measured ? measured_or_zero(w->fma_gflops) : 0;
    d->launch_us = w->measured ? measured_or_zero(w->launch_us) : 0;
    fill_limits(w, d);
    set_domain(w, d);
}

enum runner_status runner_probe(struct runner *r, bool measure, struct rec_list_device *ret, struct error *err) {
    struct wire_list request = {measure};
    struct reply reply;
    enum runner_status s =
        runner_ask(r, WIRE_LIST, &request, sizeof request, WIRE_MAX_DEVICES * (uint32_t)sizeof(struct wire_device),
                   measure ? MEASURE_LIMIT_MS : LIST_LIMIT_MS, &reply, err);
    if (s != RUNNER_OK) return s;
    if (reply.value > WIRE_MAX_DEVICES || reply.data_len != reply.value * sizeof(struct wire_device))
        return runner_broke(r, "its list of devices has another length than it says", err);
    for (uint32_t i = 0; i < reply.value; i++) {
        struct wire_device w;
        memcpy(&w, reply.data + i * sizeof w, sizeof w);
        fill_device(r, &w, rec_list_device_push(ret));
    }
    return RUNNER_OK;
}
