/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include "wire/token.h"

const char *hwsi_frame_kind_name(int kind)
{
    switch (kind) {
#define X(name, number) \
    case number: return #name;
        HWSI_FRAME_KINDS(X)
#undef X
    }
    return "unknown";
}

int hwsi_frame_split(const uint8_t *data, size_t size, size_t limit, struct hws_slice *body)
{
    if (size < HWSI_FRAME_PREFIX) {
        *body = (struct hws_slice){ NULL, 0 };
        return 0;
    }
    size_t length = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
    if (length == 0) {
        return HWS_EPROTOCOL;
    }
    if (length > limit) {
        return HWS_ETOOLARGE;
    }
    bool complete = size - HWSI_FRAME_PREFIX >= length;
    *body = (struct hws_slice){ complete ? data + HWSI_FRAME_PREFIX : NULL, length };
    return complete;
}

int hwsi_frame_kind_slowly(struct hws_slice body)
{
    struct hwsi_reader reader = { body.data, body.data + body.size };
    uint64_t count, kind;
    if (!hwsi_read_array(&reader, &count) || count == 0 || !hwsi_read_uint(&reader, &kind) ||
        kind > HWSI_FRAME_SYSTEM) {
        return HWS_EPROTOCOL;
    }
    return (int)kind;
}
