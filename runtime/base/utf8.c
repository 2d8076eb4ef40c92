/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

static bool name_byte(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
           byte == '.' || byte == '-';
}

/* Size of the sequence `lead` starts, 0: none; and the range its second byte has to be in. */
static size_t sequence_of(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    switch (lead) {
    case 0xc2: *low = 0xa0; break;  /* U+0080 to U+009F are controls */
    case 0xe0: *low = 0xa0; break;  /* overlong */
    case 0xed: *high = 0x9f; break; /* surrogates */
    case 0xf0: *low = 0x90; break;  /* overlong */
    case 0xf4: *high = 0x8f; break; /* past U+10FFFF */
    }
    return lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
}

static size_t sequence_valid(struct hws_slice rest)
{
    uint8_t low, high;
    size_t size = sequence_of(rest.data[0], &low, &high);
    if (size == 0 || size > rest.size || rest.data[1] < low || rest.data[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((rest.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

static bool name_valid(struct hws_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!name_byte(text.data[i])) {
            return false;
        }
    }
    return true;
}

bool hwsi_text_valid(struct hws_slice text, size_t most, enum hwsi_text_class class_)
{
    if (text.size == 0 || text.size > most) {
        return false;
    }
    if (class_ == HWSI_TEXT_NAME) {
        return name_valid(text);
    }
    unsigned least = class_ == HWSI_TEXT_WORD ? 0x21 : 0x20;
    for (size_t i = 0; i < text.size;) {
        if (text.data[i] - least < 0x7f - least) { /* below `least` it wraps round */
            i++;
            continue;
        }
        size_t size = sequence_valid((struct hws_slice){ text.data + i, text.size - i });
        if (size == 0) {
            return false;
        }
        i += size;
    }
    return true;
}
