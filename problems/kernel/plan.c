/* Plans: release and text form. */
#include "problems/kernel/plan.h"

#include <stdlib.h>

static const char *const ROLES[] = {[PLAN_INPUT] = "input", [PLAN_OUTPUT] = "output", [PLAN_SCRATCH] = "scratch"};

void plan_free(struct plan *p) {
    if (!p) return;
    for (int i = 0; i < p->n_launches; i++) free(p->launch[i].arg);
    free(p->launch);
    free(p->buffer);
    free(p->macro);
    free(p->options);
    free(p->source);
    free(p);
}

bool plan_is_in_place(const struct plan *p) {
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffer[i].role == PLAN_OUTPUT && p->buffer[i].in_place) return true;
    return false;
}

static json_t *buffer_json(const struct plan_buffer *b) {
    json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:i}", "name", b->name, "role", ROLES[b->role], "dtype",
                             dtype_name(b->dtype), "elements", (json_int_t)b->elements, "bytes", (json_int_t)b->bytes,
                             "tensor", b->tensor);
    if (b->in_place) json_object_set_new(json, "in_place", json_integer(b->source));
    return json;
}

static json_t *arg_json(const struct plan_arg *a) {
    switch (a->kind) {
        case PLAN_ARG_BUFFER:
            return json_pack("{s:i}", "buffer", a->buffer);
        case PLAN_ARG_I32:
            return json_pack("{s:I}", "i32", (json_int_t)a->i);
        case PLAN_ARG_I64:
            return json_pack("{s:I}", "i64", (json_int_t)a->i);
        case PLAN_ARG_F32:
            return json_pack("{s:f}", "f32", (double)a->f);
        case PLAN_ARG_LOCAL:
            return json_pack("{s:I}", "local", (json_int_t)a->i);
    }
    return NULL;
}

static json_t *extent_json(const size_t extent[3], int dims) {
    json_t *list = json_array();
    for (int i = 0; i < dims; i++) json_array_append_new(list, json_integer((json_int_t)extent[i]));
    return list;
}

static json_t *launch_json(const struct plan_launch *l) {
    json_t *args = json_array();
    for (int i = 0; i < l->n_args; i++) json_array_append_new(args, arg_json(&l->arg[i]));
    json_t *launch =
        json_pack("{s:s, s:o, s:o}", "entry", l->entry, "args", args, "global", extent_json(l->global, l->dims));
    if (l->has_local) json_object_set_new(launch, "local", extent_json(l->local, l->dims));
    return launch;
}

json_t *plan_to_json(const struct plan *p) {
    json_t *macros = json_object(), *buffers = json_array(), *launches = json_array();
    for (int i = 0; i < p->n_macros; i++)
        json_object_set_new(macros, p->macro[i].name, json_integer((json_int_t)p->macro[i].value));
    for (int i = 0; i < p->n_buffers; i++) json_array_append_new(buffers, buffer_json(&p->buffer[i]));
    for (int i = 0; i < p->n_launches; i++) json_array_append_new(launches, launch_json(&p->launch[i]));
    return json_pack("{s:s, s:o, s:o, s:o}", "options", p->options ? p->options : "", "macros", macros, "buffers",
                     buffers, "launches", launches);
}
