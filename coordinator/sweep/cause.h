/* Likely causes of a change, by a fixed list (cause.def). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum cause {
#define X(code, name, text) code,
#include "coordinator/sweep/cause.def"
#undef X
    CAUSE_COUNT
};

/* What is known of one thing that changed. */
struct cause_facts {
    bool driver_changed, clocks_low;
    bool text_changed;                      /* the kernel's file or source is another one: told beside the cause */
    char driver_before[96], driver_now[96]; /* where driver_changed */
    double clock_before_mhz, clock_now_mhz; /* where clocks_low and they are known */
    bool whole_device;                      /* the device as a whole moved, not single series */
    bool baselines_only;                    /* no candidate moved */
    size_t devices_moved;     /* devices on which the kernel (or the device as a whole) moved the same way */
    size_t nodes_moved;       /* nodes that those are on */
    size_t devices_measuring; /* devices that measure the same, those included */
    size_t peers_in_order;    /* devices of the same target on other nodes where it did not move */
};

enum cause cause_of(const struct cause_facts *facts);
const char *cause_name(enum cause cause); /* "one kernel everywhere" */
const char *cause_text(enum cause cause); /* a sentence for people */
/* By name; CAUSE_COUNT for unknown ones. */
enum cause cause_from_name(const char *name);
