/* Clones of a hot function for wider vectors, chosen when the program is loaded. Nothing is contracted
 * (-ffp-contract=off), so every clone gives the same bits. The sanitizers' start-up code and the resolvers do not get
 * on. */
#pragma once
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif
/* What a WIDE function calls has to become part of it. */
#define WIDE_INLINE static inline __attribute__((always_inline))
