/* What goes over the socket between worker and runner. A stream of frames: struct wire_header, then `length` bytes.
 *
 * Both ends are one build on one machine, so the structs travel as they lie in memory; `version` refuses anything else.
 * Worker to runner is the trusted direction. Runner to worker is hostile: whoever owns the runner owns its socket, so
 * the worker's reader (worker/runner_wire.c) checks magic, version, type, sequence number and length of every frame,
 * and takes fixed structs and bounded text only. To change a struct: raise WIRE_VERSION, nothing else; runners never
 * outlive a worker. */
#pragma once
#include <stdint.h>

#define WIRE_MAGIC 0x4e525450u /* "PTRN" */
#define WIRE_VERSION 2
#define WIRE_FD_CHANNEL 3 /* file descriptors that a runner is born with, besides stdin, stdout and stderr */
#define WIRE_FD_ARENA 4

#define WIRE_MAX_TEXT ((uint32_t)4 << 20)    /* preprocessed source */
#define WIRE_MAX_BINARY ((uint32_t)64 << 20) /* a driver's binary */
#define WIRE_MAX_LOG ((uint32_t)64 << 10)
#define WIRE_MAX_DEVICES 64
#define WIRE_MAX_SETS 65536 /* sets bound at a time, and sets in one run */
#define WIRE_MAX_PROGRAMS 4096
#define WIRE_MAX_BUFFERS 512
#define WIRE_MAX_LAUNCHES 256
#define WIRE_MAX_ARGS 64
#define WIRE_MAX_MACROS 256
#define WIRE_MAX_OPTIONS 1024
/* The longest frame that a worker sends. */
#define WIRE_MAX_REQUEST (WIRE_MAX_BINARY + ((uint32_t)4 << 20))

struct wire_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type; /* enum wire_type */
    uint32_t seq;  /* of the request; replies repeat it; 0 for the hello */
    uint32_t length;
};

enum wire_type {
    /* worker to runner; each is answered by one WIRE_RESULT, but a successful WIRE_RUN by WIRE_DONE and WIRE_CLAIM */
    WIRE_LIST = 1,   /* struct wire_list */
    WIRE_PREPROCESS, /* struct wire_plan and what it counts, then the source */
    WIRE_COMPILE,    /* struct wire_plan and what it counts, then the preprocessed text */
    WIRE_LOAD,       /* struct wire_plan and what it counts, then the binary */
    WIRE_BIND,       /* struct wire_bind, then its slots */
    WIRE_UNBIND,     /* nothing */
    WIRE_UPLOAD,     /* struct wire_sets, then the sets */
    WIRE_RUN,        /* struct wire_sets, then the sets */
    WIRE_DOWNLOAD,   /* struct wire_download, then the buffers */
    WIRE_AUDIT,      /* struct wire_audit, then its slots, then what WIRE_COMPILE has */
    /* runner to worker */
    WIRE_HELLO = 64, /* struct wire_hello */
    WIRE_PHASE,      /* uint32_t enum wire_phase; any number of them before the result of WIRE_COMPILE */
    WIRE_RESULT,     /* struct wire_result, then log, then data */
    WIRE_DONE,       /* nothing */
    WIRE_CLAIM       /* struct wire_claim */
};

enum wire_status {
    WIRE_OK,
    WIRE_BUILD_FAILED,
    WIRE_LAUNCH_FAILED,
    WIRE_DEVICE_FAILED,
    WIRE_OVER_LIMIT,
    WIRE_STATUS_COUNT
};
enum wire_phase { WIRE_PHASE_BUILD, WIRE_PHASE_LAUNCH, WIRE_PHASE_COUNT };

enum wire_flag { WIRE_FLAG_SECCOMP = 1, WIRE_FLAG_IN_PLACE = 4, WIRE_FLAG_ALL = 5 };
struct wire_hello {
    uint32_t flags;
    uint32_t landlock; /* version in force, 0 for none */
    int32_t status;    /* WIRE_OK or WIRE_DEVICE_FAILED, then `text` says why */
    char text[476];
};
struct wire_list {
    uint32_t measure;
};
struct wire_plan {
    char options[WIRE_MAX_OPTIONS];             /* ends in a NUL */
    uint32_t macros, buffers, launches, unused; /* these many follow, in this order */
};
struct wire_macro {
    char name[64];
    int64_t value;
};
struct wire_buffer {
    uint64_t bytes;
};
struct wire_launch {
    char entry[64];
    uint32_t args; /* struct wire_arg, directly behind */
    uint32_t dims, has_local, unused;
    uint64_t global[3], local[3];
};
struct wire_arg {
    uint32_t kind; /* enum plan_arg_kind */
    int32_t buffer;
    int64_t i;
    float f;
    uint32_t unused;
};
struct wire_slot {
    uint64_t offset, bytes;
};
struct wire_bind {
    uint32_t program, slots;
    uint64_t guard;
};
struct wire_audit {
    uint32_t slots, unused;
};
struct wire_audit_slot {
    uint64_t offset, bytes;
    uint64_t filled; /* its contents go to the device; else the device's memory stays as it was allocated */
};
struct wire_sets {
    uint32_t n; /* uint32_t each */
};
struct wire_download {
    uint32_t set, n;
};
struct wire_result {
    int32_t status; /* enum wire_status */
    uint32_t value; /* program or set number, devices of WIRE_LIST */
    uint32_t log_bytes, data_bytes;
};
struct wire_claim {
    int64_t span_ns, sum_ns;
};

/* One device as WIRE_LIST reports it. Texts end in a NUL. */
#define WIRE_MAX_EXTENSIONS 8192
struct wire_device {
    char platform[128], platform_version[128], vendor[128], name[192], driver_version[192], device_version[128];
    char language_version[128];
    char kind[16], bus[32];
    char extensions[WIRE_MAX_EXTENSIONS];
    int64_t memory_bytes, max_alloc_bytes, local_memory_bytes, cache_bytes, max_work_group_size, max_work_item_sizes[3];
    int64_t sub_group_sizes[16];
    int32_t n_sub_group_sizes, platform_index, device_index, compute_units;
    uint8_t fp16, fp64, host_memory, event_times, measured, unused[3];
    double copy_gbps, fma_gflops, launch_us;
};
