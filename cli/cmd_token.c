/* portolan token create, list, revoke: keys to the API for others than the operator. */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/table.h"
#include "problems/campaign/units.h"

#define TOKEN_FILE_MODE 0600

/* --- create ----------------------------------------------------------------------------------- */
static json_t *request_of(const struct options *opts, struct error *err) {
    const char *name = options_string(opts, "name"), *role = options_string(opts, "role"), *why = NULL;
    const char *expires = options_string(opts, "expires");
    int64_t expires_ms = 0;
    if (!name || !role) {
        error_set(err, ERR_USAGE, "a token needs --role and --name");
        error_hint(err, "read: look at everything; submit: also submit, try, replay and cancel; operate: everything");
        return NULL;
    }
    if (expires && (units_duration(expires, &expires_ms, &why) != 0 || expires_ms < 1000)) {
        error_set(err, ERR_USAGE, "--expires %.40s: %s", expires, why ? why : "at least a second");
        return NULL;
    }
    return json_pack("{s:s, s:s, s:o}", "name", name, "role", role, "expires_s",
                     expires ? json_integer(expires_ms / 1000) : json_null());
}

static int store_token(const struct options *opts, const json_t *answer, struct error *err) {
    const char *path = options_string(opts, "out"), *token = json_text(answer, "token");
    if (!path) {
        printf("%s\n", token);
        return 0;
    }
    CLEANUP_FREE char *line = xasprintf("%s\n", token);
    return file_write_durable(path, line, strlen(line), TOKEN_FILE_MODE, err);
}

static int create(const struct options *opts) {
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_token_create)) return 2;
    CLEANUP_JSON json_t *body = request_of(opts, &err);
    CLEANUP(cleanup_client) struct client *client = body ? client_new(opts, &err) : NULL;
    CLEANUP_JSON json_t *answer = client ? client_post(client, "/v1/tokens", body, &err) : NULL;
    if (!answer || store_token(opts, answer, &err) != 0) return command_failed(&err);
    fprintf(stderr, "token `%s` of role %s; it is shown this once and kept nowhere\n", json_text(answer, "name"),
            json_text(answer, "role"));
    return 0;
}

static const struct option_spec create_options[] = {
    {"role", 0, OPTION_STRING, "ROLE", NULL, NULL, "read, submit or operate; each may do what those before it may."},
    {"name", 0, OPTION_STRING, "NAME", NULL, NULL, "Whose it is, for `token list` and messages."},
    {"expires", 0, OPTION_STRING, "DURATION", NULL, NULL,
     "Until when it is good, as 30d or 12h; for ever when not given."},
    {"out", 'o', OPTION_STRING, "FILE", NULL, NULL, "Write it there, mode 600, and not to the terminal."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_token_create = {
    .name = "token create",
    .usage = "token create --role ROLE --name NAME [--expires 30d] [--out FILE]",
    .summary = "make a token of the API for somebody else",
    .details =
        "Prints the token, once: the coordinator keeps only its SHA-256. Who has it names its file with "
        "--token-file or PORTOLAN_TOKEN_FILE; there is no option for the token itself, since process listings "
        "show command lines.\n\nExample:\n  portolan token create --role read --name grafana --out grafana.token",
    .options = create_options,
    .run = create};

/* --- list ------------------------------------------------------------------------------------- */
static void date_of(const json_t *token, const char *key, const char *none, char out[32]) {
    const json_t *ms = json_object_get(token, key);
    snprintf(out, 32, "%s", none);
    if (!json_is_integer(ms)) return;
    clock_iso8601(json_integer_value(ms), out);
    out[16] = 0; /* minutes will do */
}

static void print_tokens(const json_t *tokens) {
    struct table *t = table_new((const char *const[]){"name", "role", "made (UTC)", "expires", "last used", NULL});
    size_t i;
    json_t *token;
    json_array_foreach(tokens, i, token) {
        char created[32], expires[48], used[32];
        date_of(token, "created_ms", "-", created);
        date_of(token, "expires_ms", "never", expires);
        date_of(token, "used_ms", "-", used);
        if (json_is_true(json_object_get(token, "expired"))) strcat(expires, " (over)");
        table_row(
            t, (const char *const[]){json_text(token, "name"), json_text(token, "role"), created, expires, used, NULL});
    }
    table_print(t, stdout);
    table_free(t);
}

static int list(const struct options *opts) {
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_token_list)) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? client_get(client, "/v1/tokens", &err) : NULL;
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        print_tokens(json_object_get(answer, "tokens"));
    return 0;
}

static const struct option_spec list_options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
                                                  CLIENT_OPTIONS,
                                                  {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_token_list = {
    .name = "token list",
    .usage = "token list",
    .summary = "list the tokens of the API",
    .details =
        "Names, roles and dates; never the tokens. `last used` is since the coordinator's start. The operator's own "
        "token, in the coordinator's state folder, is not among them.",
    .options = list_options,
    .run = list};

/* --- revoke ----------------------------------------------------------------------------------- */
static int revoke_token(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *name = command_argument(opts, &command_token_revoke, "token's name");
    if (!name) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_FREE char *escaped = client_escape(client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/tokens/%s/revoke", escaped);
    CLEANUP_JSON json_t *answer = client_post(client, path, NULL, &err);
    if (!answer) return command_failed(&err);
    printf("token `%s` is revoked\n", json_text(answer, "name"));
    return 0;
}

static const struct option_spec revoke_options[] = {CLIENT_OPTIONS, {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_token_revoke = {
    .name = "token revoke",
    .usage = "token revoke NAME",
    .summary = "end a token of the API",
    .details = "Requests with it are refused from now on; streams that are open go on until they end.",
    .options = revoke_options,
    .run = revoke_token};
