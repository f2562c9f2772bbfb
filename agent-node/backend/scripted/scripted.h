/* A device without a driver, for tests of everything above the device: its "source" is a script, whose statements
 * compute, and misbehave in every way that a verdict has a name for.
 *
 * One statement a line, `kernel NAME: STATEMENT`; lines of one name are its body, run in order at each launch. Operands
 * are argument positions (0 is the first) or, where said, literal numbers; buffers are float32.
 *
 *   add O A B | mul O A B        copy O A | relu O A        fill O NUMBER | mul_scalar O A NUMBER | add_to O NUMBER
 *   spin_ns N                    busy for N ns              nan O           first element becomes NaN
 *   write_oob O N                one byte at N beyond the end (before the start when negative)
 *   crash | abort | hang | exit N
 *   garbage                      bytes that are no frame, on the protocol's socket
 *   forge SEQ                    "done" and a claim of 1 ns in answer to request SEQ
 *   flood N                      prints N KiB
 *   refuse TEXT                  the launch fails as if the driver refused it     lost: as if the device had gone
 *   greedy TEXT                  the launch wants more than the device has
 *   try WHAT O                   tries fork, thread, exec, socket, ptrace, kill, write_file, write_home, read_etc;
 *                                errno (0: it worked) into the first element
 * And for the compiler: `build: error TEXT`, `build: crash`, `build: hang`, `build: spin_ns N`. Empty lines and lines
 * that start with # are skipped. */
#pragma once
#include "agent-node/backend/backend.h"

#define SCRIPT_MAX_STATEMENTS 256
#define SCRIPT_MAX_OPERANDS 3
enum script_op {
#define X(id, word, operands) SCRIPT_##id,
#include "agent-node/backend/scripted/ops.def"
#undef X
};
struct statement {
    char kernel[64]; /* "" for the compiler's */
    enum script_op op;
    double number[SCRIPT_MAX_OPERANDS];
    char word[128]; /* of try, refuse, greedy and error */
};
struct script {
    struct statement statement[SCRIPT_MAX_STATEMENTS];
    int n;
};
/* ERR_INVALID "line 3: ...". */
int script_parse(const char *text, struct script *ret, struct error *err);
/* Runs one statement on buffers by argument position (NULL where the argument is none). */
struct span {
    char *data;
    size_t bytes;
};
int script_execute(const struct statement *s, const struct span *arg, int n_args, struct error *err);
