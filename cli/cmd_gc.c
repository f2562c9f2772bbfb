/* portolan gc: what the store need not keep any longer. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"

static void print(const json_t *answer, bool dry) {
    printf("%s: %lld campaigns, %lld tasks, %lld attempts, %lld records of attempts, %lld texts\n",
           dry ? "would be removed" : "removed", json_count(answer, "campaigns"), json_count(answer, "tasks"),
           json_count(answer, "attempts"), json_count(answer, "attempt_records"), json_count(answer, "texts"));
    if (!dry) printf("freed: %.1f MB\n", (double)json_count(answer, "freed_bytes") / 1e6);
    if (!json_is_true(json_object_get(answer, "finished")))
        puts("it is not at its end yet, and goes on in the coordinator");
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    bool dry = options_flag(opts, "dry-run");
    if (command_no_arguments(opts, &command_gc)) return 2;
    CLEANUP_JSON json_t *body = json_object();
    json_object_set_new(body, "dry_run", json_boolean(dry));
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? client_post(client, "/v1/gc", body, &err) : NULL;
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        print(answer, dry);
    return 0;
}

static const struct option_spec options[] = {
    {"dry-run", 0, OPTION_FLAG, NULL, NULL, NULL, "Count what would be removed, and remove nothing."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the counts as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_gc = {
    .name = "gc",
    .usage = "gc [--dry-run]",
    .summary = "remove what the store keeps no longer",
    .details =
        "Takes ended campaigns, tries and attempts that are older than the coordinator's `retention:` out of its "
        "store, and "
        "the texts that nothing needs any more, then gives the space back. The coordinator does the same once a day. "
        "Confirmed results stay, with all that belongs to them; so does everything that is on Kafka.\n\n"
        "Examples:\n  portolan gc --dry-run\n  portolan gc --json | jq .freed_bytes",
    .options = options,
    .run = run};
