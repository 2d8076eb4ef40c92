/* SPDX-License-Identifier: MIT */
/*
 * What a message costs in the wire layer, in ns a call: the best of some rounds, since a busy machine
 * only ever adds. Run by hand; prints a table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <msgpack.h>

#include "wire/envelope.h"
#include "wire/handshake.h"

#define CALLS 200000u
#define ROUNDS 40u

/* As a ring or a read buffer would, each call takes the next of many places. */
#define SLOTS 512u
#define SLOT 192u

static uint8_t slots[SLOTS][SLOT];
static uint8_t payload[66];
static uint64_t sink;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct hwsi_deliver steady, request, inlined;

static void prepare(void)
{
    steady.target.index = 1;
    steady.sender.index = 2;
    steady.type.index = 3;
    steady.payload = (struct hws_slice){ payload, sizeof payload };
    request = steady;
    request.request_id = 100000;
    inlined = steady;
    inlined.target = (struct hwsi_symbol){ 0, { (const uint8_t *)"greeter-17", 10 } };
    inlined.sender = (struct hwsi_symbol){ 0, { (const uint8_t *)"client-400000", 13 } };
}

static void encode_steady(unsigned slot)
{
    sink += hwsi_deliver_encode(slots[slot], &steady);
}

static void encode_request(unsigned slot)
{
    request.request_id = 100000 + slot;
    sink += hwsi_deliver_encode(slots[slot], &request);
}

static void encode_inline(unsigned slot)
{
    sink += hwsi_deliver_encode(slots[slot], &inlined);
}

static void decode(unsigned slot)
{
    struct hws_slice body;
    struct hwsi_deliver deliver;
    if (hwsi_frame_split(slots[slot], SLOT, SLOT, &body) == 1 &&
        hwsi_frame_kind(body) == HWSI_FRAME_DELIVER && !hwsi_deliver_decode(body, &deliver)) {
        sink += deliver.payload.size + deliver.target.index;
    }
}

static void copy(unsigned slot)
{
    memcpy(slots[slot], payload, sizeof payload);
    sink += slots[slot][slot % sizeof payload];
}

static void check_bin(unsigned slot)
{
    (void)slot;
    sink += hws_value_check((struct hws_slice){ payload, sizeof payload }) == 0;
}

static uint8_t map[256];
static size_t map_size;

static void check_map(unsigned slot)
{
    (void)slot;
    sink += hws_value_check((struct hws_slice){ map, map_size }) == 0;
}

static void pack_map(void)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 4);
    for (int i = 0; i < 4; i++) {
        msgpack_pack_str_with_body(&packer, "field", 5);
        msgpack_pack_array(&packer, 2);
        msgpack_pack_double(&packer, 1.5 * i);
        msgpack_pack_uint64(&packer, UINT64_C(1) << (10 * i));
    }
    map_size = buffer.size;
    memcpy(map, buffer.data, buffer.size);
    msgpack_sbuffer_destroy(&buffer);
}

static void measure(const char *name, void (*work)(unsigned slot))
{
    uint64_t best = UINT64_MAX;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = now();
        for (unsigned i = 0; i < CALLS; i++) {
            work(i % SLOTS);
        }
        uint64_t took = now() - start;
        best = took < best ? took : best;
    }
    printf("%-44s %6.1f ns\n", name, (double)best / CALLS);
}

int main(void)
{
    payload[0] = 0xc4;
    payload[1] = 64;
    prepare();
    pack_map();
    measure("memcpy of 66 B, the floor of encoding", copy);
    measure("encode DELIVER, symbols known, 66 B payload", encode_steady);
    measure("split, kind, decode of it", decode);
    measure("encode DELIVER, request", encode_request);
    measure("split, kind, decode of it", decode);
    measure("encode DELIVER, target and sender inline", encode_inline);
    measure("split, kind, decode of it", decode);
    measure("hws_value_check of a 64 B bin", check_bin);
    measure("hws_value_check of a map with 20 values", check_map);
    return sink == 0;
}
