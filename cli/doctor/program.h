/* Programs that the doctor asks. */
#pragma once

/* Runs argv with this process's environment, waits up to two minutes for it, and returns what it wrote to standard
 * output (NULL when it could not be started or asked), at most 4 MiB; the caller frees. *ret_said, when not NULL, gets
 * what it wrote to standard error ("" for nothing or NULL; the caller frees). */
char *program_output(const char *const *argv, char **ret_said);
