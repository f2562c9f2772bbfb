/* Rows of campaigns. */
#include <string.h>

#include "coordinator/store/internal.h"

#define COLUMNS                                                                                           \
    "seq, id, name, purpose, state, exit_status, priority, weight, deadline_ms, created_ms, finished_ms," \
    " submitted_ms, force"

const char *campaign_state_name(enum campaign_state state) {
    static const char *const names[] = {"running", "complete", "cancelled"};
    return names[state];
}

int store_campaign_insert(struct store *store, struct row_campaign *row, const char *filename, const char *definition,
                          struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_CAMPAIGN_INSERT,
        "INSERT INTO campaigns(id, name, purpose, state, exit_status, priority, weight, deadline_ms,"
        " created_ms, finished_ms, filename, definition, submitted_ms, force) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        err);
    if (!q) return -1;
    bind_text(q, 1, row->id);
    bind_text(q, 2, row->name);
    bind_text(q, 3, row->purpose);
    bind_int(q, 4, row->state);
    bind_int(q, 5, row->exit_status);
    bind_int(q, 6, row->priority);
    bind_double(q, 7, row->weight);
    bind_int(q, 8, row->deadline_ms);
    bind_int(q, 9, row->created_ms);
    bind_int(q, 10, row->finished_ms);
    bind_text(q, 11, filename);
    bind_text(q, 12, definition);
    bind_int(q, 13, row->submitted_ms);
    bind_int(q, 14, row->force);
    if (store_run(store, q, "add a campaign", err) != 0) return -1;
    row->seq = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_campaign_update(struct store *store, const struct row_campaign *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_CAMPAIGN_UPDATE,
                            "UPDATE campaigns SET state = ?, exit_status = ?, finished_ms = ? WHERE id = ?", err);
    if (!q) return -1;
    bind_int(q, 1, row->state);
    bind_int(q, 2, row->exit_status);
    bind_int(q, 3, row->finished_ms);
    bind_text(q, 4, row->id);
    return store_run(store, q, "change a campaign", err);
}

static void read_row(sqlite3_stmt *q, struct row_campaign *row) {
    memset(row, 0, sizeof *row);
    row->seq = sqlite3_column_int64(q, 0);
    column_copy(q, 1, row->id, sizeof row->id);
    column_copy(q, 2, row->name, sizeof row->name);
    column_copy(q, 3, row->purpose, sizeof row->purpose);
    row->state = (enum campaign_state)sqlite3_column_int(q, 4);
    row->exit_status = sqlite3_column_int(q, 5);
    row->priority = sqlite3_column_int(q, 6);
    row->weight = sqlite3_column_double(q, 7);
    row->deadline_ms = sqlite3_column_int64(q, 8);
    row->created_ms = sqlite3_column_int64(q, 9);
    row->finished_ms = sqlite3_column_int64(q, 10);
    row->submitted_ms = sqlite3_column_int64(q, 11);
    row->force = sqlite3_column_int(q, 12) != 0;
}

int store_campaigns(struct store *store, bool running_only, const char *purpose, int limit, store_campaign_fn *visit,
                    void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_CAMPAIGNS,
                                    "SELECT " COLUMNS
                                    " FROM campaigns WHERE (?1 = 0 OR state = 0) AND (?2 IS NULL OR purpose = ?2)"
                                    " ORDER BY seq DESC LIMIT ?3",
                                    err);
    if (!q) return -1;
    bind_int(q, 1, running_only);
    bind_text(q, 2, purpose);
    bind_int(q, 3, limit > 0 ? limit : -1);
    int rc;
    while ((rc = store_step(store, q, "read campaigns", err)) > 0) {
        struct row_campaign row;
        read_row(q, &row);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

static int one_row(struct store *store, sqlite3_stmt *q, const char *id, struct row_campaign *ret, struct error *err) {
    int found = 0, rc;
    while ((rc = store_step(store, q, "find a campaign", err)) > 0) {
        read_row(q, ret);
        if (strcmp(ret->id, id) == 0) {
            sqlite3_reset(q);
            return 0;
        }
        found++;
    }
    if (rc < 0) return -1;
    if (found > 1) return error_set(err, ERR_CONFLICT, "several campaigns begin with `%s`", id);
    return found ? 0 : error_set(err, ERR_NOT_FOUND, "campaign `%.64s` does not exist", id);
}

int store_campaign_find(struct store *store, const char *id, struct row_campaign *ret, struct error *err) {
    char end[CAMPAIGN_ID_SIZE + 1] = "";
    sqlite3_stmt *q;
    if (strcmp(id, "latest") == 0) {
        q = store_prepare(store, ST_CAMPAIGN_LATEST,
                          "SELECT " COLUMNS " FROM campaigns WHERE purpose = 'campaign' ORDER BY seq DESC LIMIT 1",
                          err);
        return q ? one_row(store, q, id, ret, err) : -1;
    }
    if (store_prefix_range(id, CAMPAIGN_ID_SIZE - 1, end, sizeof end, err) != 0) return error_wrap(err, "campaign");
    q = store_prepare(store, ST_CAMPAIGN_FIND,
                      "SELECT " COLUMNS " FROM campaigns WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", err);
    if (!q) return -1;
    bind_text(q, 1, id);
    bind_text(q, 2, end);
    return one_row(store, q, id, ret, err);
}

char *store_campaign_definition(struct store *store, const char *id, char **ret_filename, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_CAMPAIGN_DEFINITION, "SELECT definition, filename FROM campaigns WHERE id = ?", err);
    if (!q) return NULL;
    bind_text(q, 1, id);
    int rc = store_step(store, q, "read a campaign", err);
    if (rc == 0) error_set(err, ERR_NOT_FOUND, "campaign `%.64s` does not exist", id);
    if (rc <= 0) return NULL;
    char *definition = column_dup(q, 0);
    if (ret_filename) *ret_filename = column_dup(q, 1);
    sqlite3_reset(q);
    return definition;
}
