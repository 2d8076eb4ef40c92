/* SPDX-License-Identifier: MIT */
/*
 * What is asked of a system's "$services", and its answers: the payloads of a request and of its response, both msgpack maps with
 * texts as keys, in any order. Pure: bytes to structs and back. A reader passes over keys that it does not know; a known one
 * twice, or with a value of another type, is HWS_EDECODE; nil is the same as no such key. Slices point into the bytes read.
 */
#ifndef HAWSER_WIRE_SERVICE_H
#define HAWSER_WIRE_SERVICE_H

#include "hawser/service.h"

/* X(name) */
#define HWSI_SERVICE_REQUESTS(X) X(spawn) X(processes) X(diagnostics)
enum hwsi_service {
#define X(name) HWSI_SERVICE_##name,
    HWSI_SERVICE_REQUESTS(X)
#undef X
        HWSI_SERVICE_COUNT
};

/* X(key, form): form is text, value (any, as it is) or number */
#define HWSI_SERVICE_REQUEST_KEYS(X) \
    X(request, text)                 \
    X(kind, text)                    \
    X(name, text)                    \
    X(args, value)                   \
    X(pattern, text)                 \
    X(match, text)                   \
    X(cursor, number)                \
    X(limit, number)                 \
    X(id, text)
#define HWSI_SERVICE_ANSWER_KEYS(X) \
    X(status, text)                 \
    X(code, text)                   \
    X(detail, text)                 \
    X(id, text)                     \
    X(processes, value)             \
    X(next, number)                 \
    X(kind, text)                   \
    X(state, text)                  \
    X(mailbox_length, number)       \
    X(mailbox_size, number)         \
    X(handled, number)              \
    X(failures, number)             \
    X(watchers, number)             \
    X(memory, number)

#define HWSI_SERVICE_KEYS_MAX 32u /* in a map that is read */
/* More than any request that makes sense takes. */
#define HWSI_SERVICE_REQUEST_MAX (HWS_SPAWN_ARGUMENTS_MAX + 2048u)

#define HWSI_FIELD_text(name) struct hws_slice name;  /* data NULL: not there */
#define HWSI_FIELD_value(name) struct hws_slice name; /* the same */
#define HWSI_FIELD_number(name) uint64_t name;        /* 0: not there */
struct hwsi_service_request {
#define X(name, form) HWSI_FIELD_##form(name)
    HWSI_SERVICE_REQUEST_KEYS(X)
#undef X
};
struct hwsi_service_answer {
#define X(name, form) HWSI_FIELD_##form(name)
    HWSI_SERVICE_ANSWER_KEYS(X)
#undef X
};

/* What is there is written, in the order of the keys above. The bound is enough room; texts of at most 65535 bytes. */
size_t hwsi_service_request_bound(const struct hwsi_service_request *request);
size_t hwsi_service_request_encode(uint8_t *out, const struct hwsi_service_request *request);
size_t hwsi_service_answer_bound(const struct hwsi_service_answer *answer);
size_t hwsi_service_answer_encode(uint8_t *out, const struct hwsi_service_answer *answer);
/* `payload` is one well-formed value, which is not looked at again. */
int hwsi_service_request_decode(struct hws_slice payload, struct hwsi_service_request *out);
int hwsi_service_answer_decode(struct hws_slice payload, struct hwsi_service_answer *out);

/* The array of texts `processes`: how many, and the bytes after its header. HWS_EDECODE: it is no array. */
int hwsi_service_texts(struct hws_slice array, uint64_t *count, struct hws_slice *rest);
/* Takes the next text. HWS_EDECODE. */
int hwsi_service_next_text(struct hws_slice *rest, struct hws_slice *text);

/* Which of `count` names `text` is, or -1. */
int hwsi_service_name(const char *const *names, size_t count, struct hws_slice text);

#endif
