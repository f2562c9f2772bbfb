#include "common/life.h"

#include <stddef.h>

static _Thread_local atomic_llong *life_counter;

atomic_llong *life_count_in(atomic_llong *counter) {
    atomic_llong *before = life_counter;
    life_counter = counter;
    return before;
}

void life_sign(void) {
    if (life_counter) atomic_fetch_add_explicit(life_counter, 1, memory_order_relaxed);
}
