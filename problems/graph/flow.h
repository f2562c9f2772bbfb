/* YAML with calls in it. Within [..] and {..} YAML ends a plain text at every comma, so `{fill: uniform(-1, 1)}` would
 * fall apart; problem and kernel files are full of such calls. */
#pragma once
#include "common/yaml.h"

/* yaml_parse(), but a comma within parentheses on one line belongs to the text it stands in. Positions are those of
 * `text`. Errors as yaml_parse(). */
struct yaml_doc *flow_yaml_parse(const char *text, size_t len, const char *filename, struct error *err);

/* A node `offset` characters into the text of `n`, for error messages that point inside a text. */
struct yaml_node flow_at(const struct yaml_node *n, size_t offset);
