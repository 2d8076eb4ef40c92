/* SPDX-License-Identifier: MIT */
#include "wire/text.h"

static bool name_byte(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
           byte == '.' || byte == '-';
}

static bool ascii_valid(uint8_t byte, enum hwsi_text_class class_)
{
    switch (class_) {
    case HWSI_TEXT_PRINTABLE: return byte >= 0x20 && byte != 0x7f;
    case HWSI_TEXT_WORD: return byte > 0x20 && byte != 0x7f;
    case HWSI_TEXT_NAME: break;
    }
    return name_byte(byte);
}

/* Bytes of the sequence that starts with `lead`, and the range its second byte has to be in. 0: no such sequence. */
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

bool hwsi_text_valid(struct hws_slice text, size_t most, enum hwsi_text_class class_)
{
    if (text.size == 0 || text.size > most) {
        return false;
    }
    for (size_t i = 0; i < text.size;) {
        if (text.data[i] < 0x80) {
            if (!ascii_valid(text.data[i], class_)) {
                return false;
            }
            i++;
            continue;
        }
        size_t size = class_ == HWSI_TEXT_NAME
                          ? 0
                          : sequence_valid((struct hws_slice){ text.data + i, text.size - i });
        if (size == 0) {
            return false;
        }
        i += size;
    }
    return true;
}
