/* GET /v1/problems: the shipped ones. */
#include "coordinator/api/internal.h"
#include "coordinator/plan/suite.h"

struct asking {
    const char *name;
    json_t *json;
};

static json_t *problem_json(const struct suite_problem *item) {
    json_t *json = json_object(), *sizes = json_array();
    for (size_t i = 0; i < problem_size_count(item->problem); i++)
        json_array_append_new(sizes, json_string(problem_size_name(item->problem, i)));
    json_object_set_new(json, "name", json_string(problem_name(item->problem)));
    json_object_set_new(json, "path", json_string(item->path));
    json_object_set_new(json, "level", json_integer(problem_level(item->problem)));
    json_object_set_new(json, "origin", json_string(problem_origin(item->problem)));
    json_object_set_new(json, "hash", json_string(item->hash));
    json_object_set_new(json, "sizes", sizes);
    return json;
}

static int list(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    json_t *problems = json_array();
    (void)err;
    for (size_t i = 0; i < core->shipped->count; i++)
        json_array_append_new(problems, problem_json(&core->shipped->items[i]));
    asking->json = json_object();
    json_object_set_new(asking->json, "problems", problems);
    return 0;
}

static int show(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    const struct suite_problem *item = suite_find(core->shipped, asking->name);
    if (!item) return error_set(err, ERR_NOT_FOUND, "no shipped problem is called `%.64s`", asking->name);
    asking->json = problem_json(item);
    json_object_set_new(asking->json, "yaml", json_string(problem_text(item->problem)));
    return 0;
}

static enum MHD_Result answer(struct request *request, loop_fn *fn) {
    struct error err = ERROR_INIT;
    struct asking asking = {.name = request->id};
    if (loop_call(request->api->loop, fn, &asking, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, asking.json);
}

enum MHD_Result api_problems(struct request *request) {
    return answer(request, list);
}

enum MHD_Result api_problem(struct request *request) {
    return answer(request, show);
}
