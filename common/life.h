/* Signs of life: long work says between its steps that it goes on, without knowing who asks. Per thread. */
#pragma once
#include <stdatomic.h>

/* Signs of the calling thread raise *counter from now on; NULL: they go nowhere. Returns what was set before. */
atomic_llong *life_count_in(atomic_llong *counter);
void life_sign(void);
