/* Incarnations of nodes that are over: a record of one that comes late, or twice, must not bring it back. */
#include "coordinator/store/internal.h"

#define KEPT_PER_NODE 64 /* the oldest go first */

int store_incarnation_end(struct store *store, const char *node, const char *incarnation, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_INCARNATION_END,
                                          "INSERT OR IGNORE INTO incarnations(node, incarnation) VALUES(?, ?)", err);
    if (!q) return -1;
    bind_text(q, 1, node);
    bind_text(q, 2, incarnation);
    if (store_run(store, q, "keep an incarnation", err) != 0) return -1;
    q = store_prepare_write(store, ST_INCARNATION_TRIM,
                            "DELETE FROM incarnations WHERE node = ?1 AND seq <= (SELECT seq FROM incarnations WHERE"
                            " node = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                            err);
    if (!q) return -1;
    bind_text(q, 1, node);
    bind_int(q, 2, KEPT_PER_NODE);
    return store_run(store, q, "drop old incarnations", err);
}

int store_incarnation_ended(struct store *store, const char *node, const char *incarnation, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_INCARNATION_ENDED,
                                    "SELECT 1 FROM incarnations WHERE node = ? AND incarnation = ?", err);
    if (!q) return -1;
    bind_text(q, 1, node);
    bind_text(q, 2, incarnation);
    int rc = store_step(store, q, "look for an incarnation", err);
    sqlite3_reset(q);
    return rc;
}
