/* Answers: JSON, errors, and NDJSON streams. */
#include <errno.h>
#include <string.h>

#include "common/number.h"
#include "coordinator/api/internal.h"

#define STREAM_BLOCK 32768

enum MHD_Result api_owned(struct request *request, unsigned status, const char *type, char *text) {
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_UNAUTHORIZED) MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result api_text(struct request *request, unsigned status, const char *type, const char *text) {
    return api_owned(request, status, type, xstrdup(text));
}

enum MHD_Result api_json(struct request *request, unsigned status, json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    return api_owned(request, status, "application/json", text ? text : xstrdup("null"));
}

enum MHD_Result api_error_status(struct request *request, unsigned status, const struct error *err) {
    const char *hint = strstr(err->text, "\nhint: ");
    json_t *inner = json_object(), *outer = json_object();
    json_object_set_new(inner, "code", json_string(error_name(err->code)));
    char *text = hint ? xstrndup(err->text, (size_t)(hint - err->text)) : xstrdup(err->text);
    json_t *shown = json_string(text);
    json_object_set_new(inner, "text", shown ? shown : json_string("(the message is not UTF-8)"));
    if (hint) json_object_set_new(inner, "hint", json_string(hint + strlen("\nhint: ")));
    free(text);
    json_object_set_new(outer, "error", inner);
    return api_json(request, status, outer);
}

enum MHD_Result api_error(struct request *request, const struct error *err) {
    return api_error_status(request, (unsigned)error_http_status(err->code), err);
}

const char *api_argument(const struct request *request, const char *name) {
    const char *value = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
    return value && *value ? value : NULL;
}

int api_number(const struct request *request, const char *name, int64_t fallback, int64_t *ret, struct error *err) {
    const char *text = api_argument(request, name);
    *ret = fallback;
    if (!text || number_int(text, ret) == NUMBER_OK) return 0;
    return error_set(err, ERR_USAGE, "`%s` must be a whole number", name);
}

/* --- streams ---------------------------------------------------------------------------------- */
struct stream {
    struct loop *loop;
    stream_next *next;
    void (*done)(void *context);
    void *context;
    struct buf out;
    size_t sent;
    bool ended;
};

static ssize_t read_stream(void *context, uint64_t pos, char *out, size_t max) {
    struct stream *stream = context;
    (void)pos;
    if (stream->sent == stream->out.len) {
        buf_clear(&stream->out);
        stream->sent = 0;
        while (!stream->ended && stream->out.len == 0) {
            if (loop_stopping(stream->loop)) return MHD_CONTENT_READER_END_OF_STREAM;
            stream->ended = !stream->next(stream->context, &stream->out);
        }
    }
    size_t left = stream->out.len - stream->sent, n = left < max ? left : max;
    if (n == 0) return MHD_CONTENT_READER_END_OF_STREAM;
    memcpy(out, stream->out.data + stream->sent, n);
    stream->sent += n;
    return (ssize_t)n;
}

static void free_stream(void *context) {
    struct stream *stream = context;
    stream->done(stream->context);
    buf_done(&stream->out);
    free(stream);
}

enum MHD_Result api_stream(struct request *request, stream_next *next, void (*done)(void *context), void *context) {
    struct stream *stream = xcalloc(1, sizeof *stream);
    *stream = (struct stream){.loop = request->api->loop, .next = next, .done = done, .context = context};
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, stream, free_stream);
    if (!response) {
        free_stream(stream);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

void api_line(struct buf *out, json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text) return;
    buf_puts(out, text);
    buf_putc(out, '\n');
    free(text);
}
