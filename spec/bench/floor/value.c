/* SPDX-License-Identifier: MIT */
#include "value.h"

#include <msgpack.h>
#include <msgpack/unpack_define.h>

#include <string.h>

struct slice {
    const char *bytes; /* NULL: a value that is neither bin nor str */
    size_t size;
};

static int append(void *data, const char *bytes, size_t size)
{
    uint8_t **at = data;
    memcpy(*at, bytes, size);
    *at += size;
    return 0;
}

size_t floor_value_write(uint8_t *at, const char *bytes, size_t size)
{
    uint8_t *end = at;
    msgpack_packer packer;

    msgpack_packer_init(&packer, &end, append);
    msgpack_pack_bin(&packer, size);
    msgpack_pack_bin_body(&packer, bytes, size);
    return (size_t)(end - at);
}

#define SCALAR(callback, type)                                                     \
    static inline int parse_##callback(void **user, type value, struct slice *out) \
    {                                                                              \
        (void)user;                                                                \
        (void)value;                                                               \
        out->bytes = NULL;                                                         \
        return 0;                                                                  \
    }
#define CONSTANT(callback)                                             \
    static inline int parse_##callback(void **user, struct slice *out) \
    {                                                                  \
        (void)user;                                                    \
        out->bytes = NULL;                                             \
        return 0;                                                      \
    }

SCALAR(uint8, uint8_t)
SCALAR(uint16, uint16_t)
SCALAR(uint32, uint32_t)
SCALAR(uint64, uint64_t)
SCALAR(int8, int8_t)
SCALAR(int16, int16_t)
SCALAR(int32, int32_t)
SCALAR(int64, int64_t)
SCALAR(float, float)
SCALAR(double, double)
CONSTANT(nil)
CONSTANT(true)
CONSTANT(false)

/* Containers are refused where they start, so their items never arrive. */
static inline int parse_array(void **user, unsigned count, struct slice *out)
{
    (void)user;
    (void)count;
    (void)out;
    return MSGPACK_UNPACK_PARSE_ERROR;
}

static inline int parse_array_item(void **user, struct slice *array, struct slice item)
{
    (void)item;
    return parse_array(user, 0, array);
}

static inline int parse_map(void **user, unsigned count, struct slice *out)
{
    return parse_array(user, count, out);
}

static inline int parse_map_item(void **user, struct slice *map, struct slice key,
                                 struct slice value)
{
    (void)key;
    (void)value;
    return parse_array(user, 0, map);
}

static inline int parse_str(void **user, const char *base, const char *at, unsigned size,
                            struct slice *out)
{
    (void)user;
    (void)base;
    out->bytes = at;
    out->size = size;
    return 0;
}

static inline int parse_bin(void **user, const char *base, const char *at, unsigned size,
                            struct slice *out)
{
    return parse_str(user, base, at, size, out);
}

static inline int parse_ext(void **user, const char *base, const char *at, unsigned size,
                            struct slice *out)
{
    (void)base;
    (void)at;
    return parse_array(user, size, out);
}

static inline struct slice parse_root(void **user)
{
    (void)user;
    return (struct slice){ 0 };
}

#define msgpack_unpack_struct(name) struct parser##name
#define msgpack_unpack_func(ret, name) static inline ret parser##name
#define msgpack_unpack_callback(name) parse##name
#define msgpack_unpack_object struct slice
#define msgpack_unpack_user void *
#include <msgpack/unpack_template.h>

bool floor_value_read(const uint8_t *at, size_t length, const char **bytes, size_t *size)
{
    struct parser_context parser;
    size_t used = 0;

    parser_init(&parser);
    if (parser_execute(&parser, (const char *)at, length, &used) != 1 || used != length) {
        return false;
    }
    struct slice slice = parser_data(&parser);
    if (!slice.bytes) {
        return false;
    }
    *bytes = slice.bytes;
    *size = slice.size;
    return true;
}
