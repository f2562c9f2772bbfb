/* What the files of the link share. */
#pragma once
#include <pthread.h>

#include "coordinator/link/link.h"

struct link {
    struct bus *bus;
    struct bus_producer *producer;
    struct bus_consumer *consumer; /* the reader's */
    struct codec *codec;
    struct wire *wire;
    int replication;
    pthread_t reader, maker;
    bool reader_started, maker_started;
    int64_t learned_mono_ms; /* when unknown schemas were last looked up; the reader's */
    pthread_mutex_t mutex;   /* of all below */
    pthread_cond_t wake;     /* of the maker */
    struct loop *loop;
    bool stop;
    char **wanted; /* nodes whose mailbox is to be made */
    size_t wanted_count;
    struct map *found; /* topics that were there when we connected: mailboxes among them need not be made */
};
bool link_stopping(struct link *link);
void *reader_run(void *link);
void *maker_run(void *link);
void maker_want(struct link *link, const char *node);
void maker_done(struct link *link);
/* Remember which topics there are. */
int maker_look(struct link *link, struct error *err);
/* Reads back what was published after the backup that this store began with, if it did. */
int adopt_published(struct link *link, struct error *err);
/* Sleep up to `ms`, less when stopping. */
void link_pause(struct link *link, int ms);
