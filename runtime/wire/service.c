/* SPDX-License-Identifier: MIT */
#include "wire/service.h"

#include "wire/token.h"
#include "wire/value.h"

enum form { FORM_text, FORM_value, FORM_number };
struct key {
    const char *name;
    enum form form;
    size_t offset;
};

static const struct key request_keys[] = {
#define X(name, form) { #name, FORM_##form, offsetof(struct hwsi_service_request, name) },
    HWSI_SERVICE_REQUEST_KEYS(X)
#undef X
};
static const struct key answer_keys[] = {
#define X(name, form) { #name, FORM_##form, offsetof(struct hwsi_service_answer, name) },
    HWSI_SERVICE_ANSWER_KEYS(X)
#undef X
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct hws_slice *slice_at(void *base, const struct key *key)
{
    return (struct hws_slice *)(void *)((char *)base + key->offset);
}

static uint64_t *number_at(void *base, const struct key *key)
{
    return (uint64_t *)(void *)((char *)base + key->offset);
}

static bool is_there(const void *base, const struct key *key)
{
    void *any = (void *)(uintptr_t)base;
    return key->form == FORM_number ? *number_at(any, key) != 0 : slice_at(any, key)->data != NULL;
}

/* --- writing --- */

static size_t bound(const void *base, const struct key *keys, size_t count)
{
    size_t size = 3;
    for (size_t i = 0; i < count; i++)
        if (is_there(base, &keys[i]))
            size +=
                strlen(keys[i].name) + 1 + 9 +
                (keys[i].form == FORM_number ? 0
                                             : slice_at((void *)(uintptr_t)base, &keys[i])->size);
    return size;
}

static uint8_t *put_value(uint8_t *at, struct hws_slice value)
{
    memcpy(at, value.data, value.size);
    return at + value.size;
}

static size_t encode(uint8_t *out, const void *given, const struct key *keys, size_t count)
{
    void *base = (void *)(uintptr_t)given;
    unsigned there = 0;
    for (size_t i = 0; i < count; i++)
        there += is_there(base, &keys[i]);
    uint8_t *at = hwsi_put_map(out, there);
    for (size_t i = 0; i < count; i++) {
        if (!is_there(base, &keys[i]))
            continue;
        at = hwsi_put_str(at, hws_slice_text(keys[i].name));
        if (keys[i].form == FORM_number)
            at = hwsi_put_uint(at, *number_at(base, &keys[i]));
        else if (keys[i].form == FORM_text)
            at = hwsi_put_str(at, *slice_at(base, &keys[i]));
        else
            at = put_value(at, *slice_at(base, &keys[i]));
    }
    return (size_t)(at - out);
}

size_t hwsi_service_request_bound(const struct hwsi_service_request *request)
{
    return bound(request, request_keys, COUNT(request_keys));
}

size_t hwsi_service_request_encode(uint8_t *out, const struct hwsi_service_request *request)
{
    return encode(out, request, request_keys, COUNT(request_keys));
}

size_t hwsi_service_answer_bound(const struct hwsi_service_answer *answer)
{
    return bound(answer, answer_keys, COUNT(answer_keys));
}

size_t hwsi_service_answer_encode(uint8_t *out, const struct hwsi_service_answer *answer)
{
    return encode(out, answer, answer_keys, COUNT(answer_keys));
}

/* --- reading --- */

static bool read_value(struct hwsi_reader *reader, struct hws_slice *out)
{
    size_t size;
    return hwsi_value_skip((struct hws_slice){ reader->at, hwsi_reader_left(reader) }, 1, &size) ==
               0 &&
           hwsi_read_bytes(reader, size, out);
}

static bool read_field(struct hwsi_reader *reader, const struct key *key, void *base)
{
    if (reader->at < reader->end && *reader->at == HWSI_NIL && key->form != FORM_value)
        return hwsi_read_nil(reader);
    if (key->form == FORM_number)
        return hwsi_read_uint(reader, number_at(base, key));
    return key->form == FORM_text ? hwsi_read_str(reader, slice_at(base, key))
                                  : read_value(reader, slice_at(base, key));
}

static const struct key *find_key(const struct key *keys, size_t count, struct hws_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(keys[i].name) == name.size && memcmp(keys[i].name, name.data, name.size) == 0)
            return &keys[i];
    return NULL;
}

static bool is_str(const struct hwsi_reader *reader)
{
    uint8_t head = reader->at < reader->end ? *reader->at : HWSI_NIL;
    return (head & 0xe0) == HWSI_FIXSTR || (head >= 0xd9 && head <= 0xdb);
}

static int decode(struct hws_slice payload, const struct key *keys, size_t count, void *base)
{
    struct hwsi_reader reader = { payload.data, payload.data + payload.size };
    uint64_t pairs;
    uint32_t seen = 0;
    if (!hwsi_read_map(&reader, &pairs) || pairs > HWSI_SERVICE_KEYS_MAX)
        return HWS_EDECODE;
    for (; pairs > 0; pairs--) {
        struct hws_slice name = { 0 }, passed;
        bool text = is_str(&reader);
        if (text ? !hwsi_read_str(&reader, &name) : !read_value(&reader, &passed))
            return HWS_EDECODE;
        const struct key *key = text ? find_key(keys, count, name) : NULL;
        if (!key) {
            if (!read_value(&reader, &passed))
                return HWS_EDECODE;
            continue;
        }
        uint32_t bit = UINT32_C(1) << (key - keys);
        if (seen & bit || !read_field(&reader, key, base))
            return HWS_EDECODE;
        seen |= bit;
    }
    return reader.at == reader.end ? 0 : HWS_EDECODE;
}

int hwsi_service_request_decode(struct hws_slice payload, struct hwsi_service_request *out)
{
    *out = (struct hwsi_service_request){ 0 };
    return decode(payload, request_keys, COUNT(request_keys), out);
}

int hwsi_service_answer_decode(struct hws_slice payload, struct hwsi_service_answer *out)
{
    *out = (struct hwsi_service_answer){ 0 };
    return decode(payload, answer_keys, COUNT(answer_keys), out);
}

int hwsi_service_texts(struct hws_slice array, uint64_t *count, struct hws_slice *rest)
{
    if (!array.data)
        return HWS_EDECODE;
    struct hwsi_reader reader = { array.data, array.data + array.size };
    if (!hwsi_read_array(&reader, count) || *count > hwsi_reader_left(&reader))
        return HWS_EDECODE;
    *rest = (struct hws_slice){ reader.at, hwsi_reader_left(&reader) };
    return 0;
}

int hwsi_service_next_text(struct hws_slice *rest, struct hws_slice *text)
{
    struct hwsi_reader reader = { rest->data, rest->data + rest->size };
    if (!hwsi_read_str(&reader, text))
        return HWS_EDECODE;
    *rest = (struct hws_slice){ reader.at, hwsi_reader_left(&reader) };
    return 0;
}

int hwsi_service_name(const char *const *names, size_t count, struct hws_slice text)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == text.size && memcmp(names[i], text.data, text.size) == 0)
            return (int)i;
    return -1;
}
