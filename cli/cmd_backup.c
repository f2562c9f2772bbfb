/* portolan backup: a whole copy of the coordinator's store, while it runs. */
#include <string.h>

#include "cli/commands.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/table.h"
#include "coordinator/store/backup.h"

static void show(void *context, int64_t done, int64_t total) {
    progress_update(context, (double)done, (double)total, "pages");
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    int64_t bytes = 0, began_ms = clock_mono_ms();
    const char *file = command_argument(opts, &command_backup, "file for the copy");
    const char *given = options_string(opts, "state-dir");
    if (!file) return 2;
    CLEANUP_FREE char *dir = given ? xstrdup(given) : dir_standard("state", &err);
    if (!dir) return command_failed(&err);
    struct progress *progress = terminal_colours(stderr) ? progress_new(stderr, "backup") : NULL;
    int status = store_backup(dir, file, options_flag(opts, "force"), progress ? show : NULL, progress, &bytes, &err);
    if (progress) progress_clear(progress);
    progress_free(progress);
    if (status != 0) return command_failed(&err);
    printf("%s: %.1f MB, checked, in %.1f s\n", file, (double)bytes / 1e6, (double)(clock_mono_ms() - began_ms) / 1e3);
    return 0;
}

static const struct option_spec options[] = {
    {"state-dir", 0, OPTION_STRING, "DIR", "state_dir", NULL,
     "The coordinator's state folder; the standard one when not given."},
    {"force", 0, OPTION_FLAG, NULL, NULL, NULL, "Replace FILE where it exists."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_backup = {
    .name = "backup",
    .usage = "backup FILE [--state-dir DIR]",
    .summary = "copy the coordinator's store while it runs",
    .details =
        "Writes the store as of one moment to FILE (mode 0600), has SQLite check the copy, and puts it in its place "
        "only "
        "when it is whole and on the disk: a backup that is there is good. The coordinator goes on meanwhile. The "
        "API's master token is not in it.\n\n"
        "`portolan serve --restore FILE` begins with it, in a state folder without a store: open campaigns go on, and "
        "results that were published after the backup are read back from Kafka.\n\n"
        "Examples:\n  portolan backup /backup/portolan-$(date +%F).db\n"
        "  portolan serve --restore /backup/portolan-2026-11-21.db --bootstrap broker1:9092",
    .options = options,
    .run = run};
