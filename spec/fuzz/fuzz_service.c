/* SPDX-License-Identifier: MIT */
/*
 * A payload for "$services", as a question and as an answer that a host reads; and a pattern with an id that it is held against.
 * What is read can be written, and then means the same; what a host gets is whole.
 */
#define SEED_VECTORS "spec/vectors/services.txt"
#define SEED_BARS 3

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "actor/names.h"
#include "base/utf8.h"
#include "hawser/hawser.h"
#include "remote/pattern.h"
#include "seeds.h"
#include "wire/service.h"

static struct hws_system *here;
static struct hws_pid *who;

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Written, read and written again: the same bytes, no more than there were. */
#define TAKE(what)                                                                             \
    static void take_##what(struct hws_slice payload)                                          \
    {                                                                                          \
        struct hwsi_service_##what first, second;                                              \
        int error = hwsi_service_##what##_decode(payload, &first);                             \
        if (error) {                                                                           \
            require(error == HWS_EDECODE);                                                     \
            return;                                                                            \
        }                                                                                      \
        size_t bound = hwsi_service_##what##_bound(&first);                                    \
        uint8_t *once = malloc(bound), *twice = malloc(bound);                                 \
        require(once &&twice);                                                                 \
        size_t size = hwsi_service_##what##_encode(once, &first);                              \
        require(size <= bound && size <= payload.size);                                        \
        require(hws_value_check((struct hws_slice){ once, size }) == 0);                       \
        require(hwsi_service_##what##_decode((struct hws_slice){ once, size }, &second) == 0); \
        require(hwsi_service_##what##_encode(twice, &second) == size &&                        \
                memcmp(once, twice, size) == 0);                                               \
        free(once);                                                                            \
        free(twice);                                                                           \
    }
TAKE(request)
TAKE(answer)

static void read_as_host(struct hws_slice payload)
{
    const struct hws_message response = { .payload = payload, .who = who };
    struct hws_spawned spawned;
    struct hws_process_page page;
    struct hws_process_diagnostics diagnostics;
    struct hws_pid *pid;
    hws_read_spawned(here, 0, &response, &spawned);
    require(spawned.status < HWS_SPAWN_STATUS_COUNT);
    require((spawned.status == HWS_SPAWN_ok) == (spawned.error == 0));
    require(spawned.pid || (spawned.status != HWS_SPAWN_ok &&
                            spawned.status != HWS_SPAWN_process_name_already_exists));
    require(spawned.error == 0 || spawned.detail[0]);
    hws_pid_release(spawned.pid);
    hws_read_processes(0, &response, &page);
    for (uint64_t left = page.count; left > 0; left--)
        if (hws_next_process(&page, &pid) == 0)
            hws_pid_release(pid);
    require(hws_next_process(&page, &pid) == HWS_ENOTFOUND);
    hws_read_process_diagnostics(0, &response, &diagnostics);
    require(diagnostics.state < HWS_PROCESS_STATE_COUNT &&
            strlen(diagnostics.kind) <= HWS_KIND_MAX);
}

/* The first byte: how to match; then the pattern, a 0, and the id. */
static void match(const uint8_t *data, size_t size)
{
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    const uint8_t *end = size ? memchr(data + 1, 0, size - 1) : NULL;
    struct hwsi_pattern pattern;
    char detail[HWS_DETAIL_MAX] = "";
    require(heap != NULL);
    uint64_t held = heap->held;
    if (end) {
        struct hws_slice text = { data + 1, (size_t)(end - data) - 1 },
                         id = { end + 1, (size_t)(data + size - end) - 1 };
        int error = hwsi_pattern_init(&pattern, heap, (enum hws_match)(data[0] % HWS_MATCH_COUNT),
                                      text, detail, sizeof detail);
        require(error == 0 || (error == HWS_EINVAL && detail[0]));
        if (error == 0 && hwsi_id_valid(id)) {
            int result = hwsi_pattern_match(&pattern, id);
            require(result == 0 || result == 1 || result == HWS_EINVAL);
            require(heap->held < held + (1u << 20));
        }
        if (error == 0)
            hwsi_pattern_free(&pattern);
    }
    require(heap->held == held);
    hwsi_heap_release(heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* In a block of its own, so that reading past the end is seen. */
    uint8_t *bytes = malloc(size + !size);
    struct hws_slice payload = { bytes, size };
    require(bytes != NULL);
    memcpy(bytes, data, size);
    if (hws_value_check(payload) == 0) {
        take_request(payload);
        take_answer(payload);
        read_as_host(payload);
    }
    match(bytes, size);
    free(bytes);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct hws_options options;
    hws_options_init(&options);
    options.name = "here";
    require(hws_system_new(&options, &here, NULL, 0) == 0);
    require(hws_pid_make(here, "peer:1", "$services", &who) == 0);
    seed_corpus(*argc, *argv, 0);
    return 0;
}
