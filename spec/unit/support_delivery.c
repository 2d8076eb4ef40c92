/* SPDX-License-Identifier: MIT */
#include "support_delivery.h"

#include <stdlib.h>
#include <string.h>

static void *metered(struct hws_allocator *allocator, void *block, size_t old_size, size_t new_size)
{
    struct meter *meter = (struct meter *)(void *)allocator;
    if (new_size == 0) {
        meter->held -= old_size;
        free(block);
        return NULL;
    }
    meter->calls++;
    if (meter->calls >= meter->fail_at && meter->calls - meter->fail_at < meter->fail_count)
        return NULL;
    void *moved = realloc(block, new_size);
    meter->held += moved ? new_size - old_size : 0;
    return moved;
}

void meter_init(struct meter *meter)
{
    *meter = (struct meter){ .allocator = { metered } };
}

uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % sides;
}

bool dice_chance(struct dice *dice, uint64_t one_in)
{
    return dice_roll(dice, one_in) == 0;
}

#define HEAD 12u /* of the bin: its own 5 bytes, and the number */

size_t number_write(uint8_t *room, const struct number *number, size_t padding)
{
    size_t size = HEAD + padding > NUMBER_MOST ? NUMBER_MOST : HEAD + padding;
    uint32_t inside = (uint32_t)size - 5, n = number->number;
    const uint8_t head[HEAD] = { 0xc6,
                                 (uint8_t)(inside >> 24),
                                 (uint8_t)(inside >> 16),
                                 (uint8_t)(inside >> 8),
                                 (uint8_t)inside,
                                 number->kind,
                                 number->from,
                                 number->to,
                                 (uint8_t)(n >> 24),
                                 (uint8_t)(n >> 16),
                                 (uint8_t)(n >> 8),
                                 (uint8_t)n };
    memcpy(room, head, HEAD);
    memset(room + HEAD, (int)(n * 7 + number->from) & 0xff, size - HEAD);
    return size;
}

bool number_read(struct hws_slice payload, struct number *number)
{
    const uint8_t *p = payload.data;
    if (payload.size < HEAD || p[0] != 0xc6)
        return false;
    *number = (struct number){
        p[5], p[6], p[7], (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 | (uint32_t)p[10] << 8 | p[11]
    };
    for (size_t i = HEAD; i < payload.size; i++)
        if (p[i] != (uint8_t)((number->number * 7 + number->from) & 0xff))
            return false;
    return true;
}
