/* SPDX-License-Identifier: MIT */
/* Events as names, JSON and log lines: all from the tables of hawser/event.h. */
#include <inttypes.h>
#include <string.h>

#include "actor/local.h"
#include "base/text.h"

static const struct {
    const char *name, *doc;
    uint32_t fields;
} events[] = {
#define X(name, fields, doc) { #name, doc, fields },
    HWS_EVENTS(X)
#undef X
};

enum kind {
    KIND_text,
    KIND_pid,
    KIND_uid,
    KIND_u64,
    KIND_seconds,
    KIND_clock,
    KIND_flag,
    KIND_correlation,
    KIND_value
};
static const struct {
    const char *name, *kind_name, *doc;
    enum kind kind;
    size_t offset;
} fields[] = {
#define X(name, kind, doc) { #name, #kind, doc, KIND_##kind, offsetof(struct hws_event, name) },
    HWS_EVENT_FIELDS(X)
#undef X
};

const char *hws_event_name(enum hws_event_type type)
{
    return type < HWS_EVENT_COUNT ? events[type].name : "unknown";
}
const char *hws_event_doc(enum hws_event_type type)
{
    return type < HWS_EVENT_COUNT ? events[type].doc : "";
}
uint32_t hws_event_fields(enum hws_event_type type)
{
    return type < HWS_EVENT_COUNT ? events[type].fields : 0;
}
const char *hws_event_field_name(enum hws_event_field field)
{
    return field < HWS_FIELD_COUNT ? fields[field].name : "unknown";
}
const char *hws_event_field_kind(enum hws_event_field field)
{
    return field < HWS_FIELD_COUNT ? fields[field].kind_name : "unknown";
}
const char *hws_event_field_doc(enum hws_event_field field)
{
    return field < HWS_FIELD_COUNT ? fields[field].doc : "";
}

struct text {
    char *out;
    size_t capacity, used;
};

static void json_string(struct text *t, const char *bytes, size_t size)
{
    hwsi_text_append(t->out, t->capacity, &t->used, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\')
            hwsi_text_append(t->out, t->capacity, &t->used, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            hwsi_text_append(t->out, t->capacity, &t->used, "\\u%04x", c);
        else
            hwsi_text_append(t->out, t->capacity, &t->used, "%c", c);
    }
    hwsi_text_append(t->out, t->capacity, &t->used, "\"");
}

/* A message in JSON is its msgpack bytes in hex: exact, and readable by any tool. */
static void json_hex(struct text *t, struct hws_slice bytes)
{
    hwsi_text_append(t->out, t->capacity, &t->used, "\"");
    for (size_t i = 0; i < bytes.size; i++)
        hwsi_text_append(t->out, t->capacity, &t->used, "%02x", bytes.data[i]);
    hwsi_text_append(t->out, t->capacity, &t->used, "\"");
}

static void json_pid(struct text *t, const struct hws_pid *pid)
{
    char name[HWS_ADDRESS_MAX + HWS_ID_MAX + 4];
    hws_pid_format(pid, name, sizeof name);
    json_string(t, name, strlen(name));
}

static bool is_empty(const struct hws_event *event, size_t field)
{
    const char *place = (const char *)event + fields[field].offset;
    switch (fields[field].kind) {
    case KIND_text: return !*(const char *const *)(const void *)place;
    case KIND_pid: return !*(struct hws_pid *const *)(const void *)place;
    case KIND_uid:
        return *(const uint64_t *)(const void *)place == 0; /* nobody's: the peer was never met */
    case KIND_clock: return *(const uint64_t *)(const void *)place == HWS_NEVER;
    case KIND_value: return ((const struct hws_slice *)(const void *)place)->size == 0;
    default: return false;
    }
}

static void json_field(struct text *t, const struct hws_event *event, size_t field)
{
    const void *place = (const char *)event + fields[field].offset;
    switch (fields[field].kind) {
    case KIND_text:
        json_string(t, *(const char *const *)place, strlen(*(const char *const *)place));
        break;
    case KIND_pid: json_pid(t, *(struct hws_pid *const *)place); break;
    case KIND_uid: /* a number of 64 bits loses digits in many JSON readers */
        hwsi_text_append(t->out, t->capacity, &t->used, "\"%016" PRIx64 "\"",
                         *(const uint64_t *)place);
        break;
    case KIND_u64:
        hwsi_text_append(t->out, t->capacity, &t->used, "%" PRIu64, *(const uint64_t *)place);
        break;
    case KIND_seconds:
        hwsi_text_append(t->out, t->capacity, &t->used, "%.9g",
                         (double)*(const uint64_t *)place / HWS_SECOND);
        break;
    case KIND_clock:
        hwsi_text_append(t->out, t->capacity, &t->used, "%.9f",
                         (double)*(const uint64_t *)place / HWS_SECOND);
        break;
    case KIND_flag:
        hwsi_text_append(t->out, t->capacity, &t->used, "%s",
                         *(const bool *)place ? "true" : "false");
        break;
    case KIND_correlation:
        hwsi_text_append(t->out, t->capacity, &t->used, "\"%016" PRIx64 "%08" PRIx32 "\"",
                         event->correlation.hi, event->correlation.lo);
        break;
    case KIND_value: json_hex(t, *(const struct hws_slice *)place); break;
    }
}

size_t hws_event_json(const struct hws_event *event, char *out, size_t capacity)
{
    struct text t = { out, capacity, 0 };
    hwsi_text_append(out, capacity, &t.used, "{\"event\":\"%s\",\"time\":%.9f",
                     hws_event_name(event->type), (double)event->time / HWS_SECOND);
    for (size_t i = 0; i < HWS_FIELD_COUNT; i++)
        if (hws_event_fields(event->type) >> i & 1 && !is_empty(event, i)) {
            hwsi_text_append(out, capacity, &t.used, ",\"%s\":", fields[i].name);
            json_field(&t, event, i);
        }
    hwsi_text_append(out, capacity, &t.used, "}");
    return t.used;
}

/* For people a time is so long ago, or in so long: "step=dial in 0.8 s". */
static void line_clock(struct text *t, const struct hws_event *event, size_t field)
{
    uint64_t at = *(const uint64_t *)(const void *)((const char *)event + fields[field].offset);
    double apart = (double)at / HWS_SECOND - (double)event->time / HWS_SECOND;
    if (field == HWS_FIELD_next)
        hwsi_text_append(t->out, t->capacity, &t->used, " in %.3g s", apart > 0 ? apart : 0);
    else
        hwsi_text_append(t->out, t->capacity, &t->used, " %s=%.3g s ago", fields[field].name,
                         -apart);
}

static bool speaks_for_itself(size_t field)
{
    return fields[field].kind == KIND_text && field != HWS_FIELD_state && field != HWS_FIELD_from &&
           field != HWS_FIELD_step;
}

void hwsi_event_line(const struct hws_event *event, char *out, size_t capacity)
{
    struct text t = { out, capacity, 0 };
    hwsi_text_append(out, capacity, &t.used, "%s", hws_event_name(event->type));
    for (size_t i = 0; i < HWS_FIELD_COUNT; i++) {
        if (!(hws_event_fields(event->type) >> i & 1) || is_empty(event, i))
            continue;
        const void *place = (const char *)event + fields[i].offset;
        if (i == HWS_FIELD_detail)
            continue; /* it may have several lines */
        if (speaks_for_itself(i)) {
            hwsi_text_append(out, capacity, &t.used, " %s", *(const char *const *)place);
        } else if (fields[i].kind == KIND_clock) {
            line_clock(&t, event, i);
        } else if (fields[i].kind == KIND_text) {
            hwsi_text_append(out, capacity, &t.used, " %s=%s", fields[i].name,
                             *(const char *const *)place);
        } else if (fields[i].kind != KIND_value) {
            hwsi_text_append(out, capacity, &t.used, " %s=", fields[i].name);
            json_field(&t, event, i);
        }
    }
    if (event->detail && hws_event_fields(event->type) & HWS_F(detail))
        hwsi_text_append(out, capacity, &t.used, ": %s", event->detail);
}
