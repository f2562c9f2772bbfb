/* The scripted device: one, called `scripted`, working on host memory in place. A program's binary is its text. */
#include "agent-node/backend/scripted/scripted.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"

struct backend_device {
    struct backend_info info;
    int64_t first_ns, last_ns, sum_ns;
};
struct backend_program {
    struct backend_device *device;
    char *text;
    struct script script;
};
struct backend_buffer {
    struct span span;
    char *owned; /* when no host memory was given */
};
struct backend_call {
    struct backend_program *program;
    char entry[64];
    int n_args;
    struct backend_arg *arg;
};

static void describe(struct backend_info *ret) {
    *ret = (struct backend_info){.platform = "Scripted",
                                 .platform_version = "Scripted 1.0",
                                 .vendor = "Portolan",
                                 .name = "scripted",
                                 .driver_version = "1.0",
                                 .device_version = "OpenCL 3.0 scripted",
                                 .language_version = "OpenCL C 1.2 scripted",
                                 .kind = "cpu",
                                 .extensions = xstrdup(""),
                                 .features = xstrdup(""),
                                 .memory_bytes = (int64_t)1 << 30,
                                 .max_alloc_bytes = (int64_t)1 << 28,
                                 .local_memory_bytes = 32768,
                                 .cache_bytes = 1 << 20,
                                 .max_work_group_size = 1024,
                                 .max_work_item_sizes = {1024, 1024, 1024},
                                 .compute_units = 1,
                                 .host_memory = true};
}

static int list_devices(struct backend_info **ret, size_t *ret_n, struct error *err) {
    (void)err;
    *ret = xcalloc(1, sizeof **ret);
    *ret_n = 1;
    describe(*ret);
    return 0;
}

static int open_device(int platform_index, int device_index, struct backend_device **ret, struct error *err) {
    if (platform_index || device_index) return error_set(err, ERR_DEVICE, "there is one scripted device only");
    *ret = xcalloc(1, sizeof **ret);
    describe(&(*ret)->info);
    return 0;
}

static void close_device(struct backend_device *d) {
    if (!d) return;
    backend_info_done(&d->info);
    free(d);
}

static const struct backend_info *device_info(const struct backend_device *d) {
    return &d->info;
}

static bool yes(const struct backend_device *d) {
    (void)d;
    return true;
}

static bool no(const struct backend_device *d) {
    (void)d;
    return false;
}

static void program_free(struct backend_program *p) {
    if (!p) return;
    free(p->text);
    free(p);
}

static int make_program(struct backend_device *d, char *text, struct backend_program **ret, struct buf *log,
                        struct error *err) {
    struct backend_program *p = xcalloc(1, sizeof *p);
    p->device = d;
    p->text = text;
    if (script_parse(text, &p->script, err) < 0) {
        buf_puts(log, "script does not parse");
        program_free(p);
        return -1;
    }
    *ret = p;
    return 0;
}

static int build(struct backend_device *d, const char *source, const char *options, struct backend_program **ret,
                 struct buf *log, struct error *err) {
    (void)options;
    struct backend_program *p = NULL;
    if (make_program(d, xstrdup(source), &p, log, err) < 0) return -1;
    for (int i = 0; i < p->script.n; i++)
        if (!p->script.statement[i].kernel[0] && script_execute(&p->script.statement[i], NULL, 0, err) < 0) {
            program_free(p);
            return -1;
        }
    *ret = p;
    return 0;
}

static int binary(struct backend_program *p, struct buf *ret, struct error *err) {
    (void)err;
    buf_puts(ret, p->text);
    return 0;
}

static int load(struct backend_device *d, const void *bytes, size_t len, struct backend_program **ret, struct buf *log,
                struct error *err) {
    return make_program(d, xstrndup(bytes, len), ret, log, err);
}

static int buffer(struct backend_device *d, void *host, size_t bytes, size_t guard, struct backend_buffer **ret,
                  struct error *err) {
    (void)d, (void)guard, (void)err;
    struct backend_buffer *b = xcalloc(1, sizeof *b);
    if (!host) host = b->owned = xcalloc(1, bytes);
    b->span = (struct span){host, bytes};
    *ret = b;
    return 0;
}

static void buffer_free(struct backend_buffer *b) {
    if (!b) return;
    free(b->owned);
    free(b);
}

static int transfer(struct backend_buffer *b, struct error *err) {
    (void)b, (void)err;
    return 0;
}

static int prepare(struct backend_program *p, const struct backend_launch *l, struct backend_call **ret,
                   struct error *err) {
    int i = 0;
    while (i < p->script.n && strcmp(p->script.statement[i].kernel, l->entry) != 0) i++;
    if (i == p->script.n) return error_set(err, ERR_INVALID, "kernel %s: CL_INVALID_KERNEL_NAME (-46)", l->entry);
    struct backend_call *c = xcalloc(1, sizeof *c);
    c->program = p;
    snprintf(c->entry, sizeof c->entry, "%s", l->entry);
    c->n_args = l->n_args;
    c->arg = xcalloc((size_t)l->n_args, sizeof *c->arg);
    if (l->n_args) memcpy(c->arg, l->arg, (size_t)l->n_args * sizeof *c->arg);
    *ret = c;
    return 0;
}

static void call_free(struct backend_call *c) {
    if (!c) return;
    free(c->arg);
    free(c);
}

static int enqueue(struct backend_call *c, struct backend_buffer *const *buffers, struct error *err) {
    CLEANUP_FREE struct span *arg = xcalloc((size_t)c->n_args, sizeof *arg);
    struct backend_device *d = c->program->device;
    for (int i = 0; i < c->n_args; i++)
        if (c->arg[i].kind == BACKEND_ARG_BUFFER) arg[i] = buffers[c->arg[i].buffer]->span;
    int64_t begin = clock_mono_ns();
    if (!d->first_ns) d->first_ns = begin;
    int rc = 0;
    for (int i = 0; i < c->program->script.n && rc == 0; i++) {
        const struct statement *s = &c->program->script.statement[i];
        if (!strcmp(s->kernel, c->entry)) rc = script_execute(s, arg, c->n_args, err);
    }
    d->last_ns = clock_mono_ns();
    d->sum_ns += d->last_ns - begin;
    return rc;
}

static int finish(struct backend_device *d, struct error *err) {
    (void)d, (void)err;
    return 0;
}

static void times(struct backend_device *d, int64_t *ret_span_ns, int64_t *ret_sum_ns) {
    *ret_span_ns = d->last_ns - d->first_ns;
    *ret_sum_ns = d->sum_ns;
    d->first_ns = d->last_ns = d->sum_ns = 0;
}

/* Nothing to measure: fixed figures, so that tests know them. */
static int fixed_calibration(struct backend_device *d, struct calibration *ret, struct error *err) {
    (void)d, (void)err;
    *ret = (struct calibration){100.0, 1000.0, 5.0, true};
    return 0;
}

const struct device_backend backend_scripted = {
    .name = "scripted",
    .list = list_devices,
    .open = open_device,
    .close = close_device,
    .info = device_info,
    .in_place = yes,
    .binary_wants_launch = no,
    .build = build,
    .binary = binary,
    .load = load,
    .program_free = program_free,
    .buffer = buffer,
    .buffer_free = buffer_free,
    .upload = transfer,
    .download = transfer,
    .prepare = prepare,
    .call_free = call_free,
    .enqueue = enqueue,
    .finish = finish,
    .times = times,
    .calibrate = fixed_calibration,
};
