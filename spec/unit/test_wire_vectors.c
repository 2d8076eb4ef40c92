/* SPDX-License-Identifier: MIT */
/* Every line of spec/vectors/wire.txt, read and written. Runs in the project's top directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/envelope.h"
#include "wire/handshake.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "spec/vectors/wire.txt"
#define LIMIT 4096u
#define LINE_MAX_SIZE 16384u
#define NEED_MORE 1 /* no error has this number */

struct vector {
    char line[LINE_MAX_SIZE];
    char *name, *expect, *fields;
    uint8_t bytes[LIMIT + HWSI_FRAME_PREFIX];
    size_t size;
};

/* What a frame means, as the vectors write it. */
struct meaning {
    char text[LINE_MAX_SIZE];
    size_t size;
};

static void add(struct meaning *meaning, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof meaning->text - meaning->size;
    int size = vsnprintf(meaning->text + meaning->size, room, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < room);
    meaning->size += (size_t)size;
}

static void add_text(struct meaning *meaning, struct hws_slice text)
{
    add(meaning, "\"%.*s\"", (int)text.size, (const char *)text.data);
}

static void add_symbol(struct meaning *meaning, const char *key, const struct hwsi_symbol *symbol)
{
    add(meaning, " %s=", key);
    if (symbol->index) {
        add(meaning, "#%" PRIu32 "%s", symbol->index, symbol->text.size ? "=" : "");
    }
    if (symbol->text.size) {
        add_text(meaning, symbol->text);
    } else if (!symbol->index) {
        add(meaning, "nil");
    }
}

static void describe_hello(struct meaning *meaning, int kind, const struct hwsi_hello *hello)
{
    add(meaning,
        "kind=%s version=%" PRIu32 " features=%" PRIu64 " name=", hwsi_frame_kind_name(kind),
        hello->version, hello->features);
    add_text(meaning, hello->name);
    add(meaning, " address=");
    add_text(meaning, hello->address);
    add(meaning, " uid=%" PRIu64 " nonce=%" PRIu64 " seed=%" PRIu64 " session=%" PRIu64, hello->uid,
        hello->nonce, hello->seed, hello->session);
    add(meaning, " known_session=%" PRIu64 " received_system=%" PRIu64 " received_user=%" PRIu64,
        hello->known_session, hello->received_system, hello->received_user);
}

static void describe_control(struct meaning *meaning, const struct hwsi_control *control)
{
    add(meaning, "kind=%s", hwsi_frame_kind_name((int)control->kind));
    if (control->kind == HWSI_FRAME_ACK) {
        add(meaning, " system=%" PRIu64 " user=%" PRIu64, control->a, control->b);
    } else if (control->kind == HWSI_FRAME_PING || control->kind == HWSI_FRAME_PONG) {
        add(meaning, " time=%" PRIu64, control->a);
    } else {
        add(meaning, " code=%" PRIu64 " text=", control->a);
        add_text(meaning, control->text);
    }
}

static void describe_deliver(struct meaning *meaning, const struct hwsi_deliver *deliver)
{
    add(meaning, "kind=DELIVER");
    add_symbol(meaning, "target", &deliver->target);
    add_symbol(meaning, "sender", &deliver->sender);
    add_symbol(meaning, "type", &deliver->type);
    add(meaning, " request_id=%" PRIu64 " correlation=", deliver->request_id);
    if (deliver->has_correlation) {
        add(meaning, "%016" PRIx64 ":%08" PRIx32, deliver->correlation.hi, deliver->correlation.lo);
    } else {
        add(meaning, "derived");
    }
    add(meaning, " payload=");
    for (size_t i = 0; i < deliver->payload.size; i++) {
        add(meaning, "%02x", deliver->payload.data[i]);
    }
}

static const char *system_code_name(enum hwsi_system_code code)
{
    switch (code) {
#define X(name, number) \
    case number: return #name;
        HWSI_SYSTEM_CODES(X)
#undef X
    }
    return "?";
}

static void describe_system(struct meaning *meaning, const struct hwsi_system_message *message)
{
    struct hwsi_symbol sender = { 0, message->sender };
    add(meaning, "kind=SYSTEM code=%s target=", system_code_name(message->code));
    add_text(meaning, message->target);
    add_symbol(meaning, "sender", &sender);
    add(meaning, " reason=%" PRIu32 " number=%" PRIu64, message->reason, message->number);
}

/*
 * A body through its decoder: an error, or what it means and how it is written. The encoders get
 * blocks of exactly their bound, so that the sanitizer sees a bound that is too small.
 */
struct outcome {
    int error;
    struct meaning meaning;
    uint8_t *written;
    size_t size;
};

static uint8_t *room(size_t bound)
{
    uint8_t *block = malloc(bound);
    assert_non_null(block);
    return block;
}

static void take_hello(struct outcome *outcome, int kind, struct hws_slice body)
{
    struct hwsi_hello hello;
    outcome->error = hwsi_hello_decode(body, &hello);
    if (!outcome->error) {
        describe_hello(&outcome->meaning, kind, &hello);
        outcome->written = room(HWSI_HELLO_BOUND);
        outcome->size = hwsi_hello_encode(outcome->written, (enum hwsi_frame_kind)kind, &hello);
    }
}

static void take_control(struct outcome *outcome, struct hws_slice body)
{
    struct hwsi_control control;
    outcome->error = hwsi_control_decode(body, &control);
    if (!outcome->error) {
        describe_control(&outcome->meaning, &control);
        outcome->written = room(HWSI_CONTROL_BOUND);
        outcome->size = hwsi_control_encode(outcome->written, &control);
    }
}

static void take_deliver(struct outcome *outcome, struct hws_slice body)
{
    struct hwsi_deliver deliver;
    outcome->error = hwsi_deliver_decode(body, &deliver);
    if (!outcome->error || outcome->error == HWS_EDECODE) {
        describe_deliver(&outcome->meaning, &deliver);
    }
    if (!outcome->error) {
        outcome->written = room(hwsi_deliver_bound(&deliver));
        outcome->size = hwsi_deliver_encode(outcome->written, &deliver);
    }
}

static void take_system(struct outcome *outcome, struct hws_slice body)
{
    struct hwsi_system_message message;
    outcome->error = hwsi_system_message_decode(body, &message);
    if (!outcome->error) {
        describe_system(&outcome->meaning, &message);
        outcome->written = room(hwsi_system_message_bound(&message));
        outcome->size = hwsi_system_message_encode(outcome->written, &message);
    }
}

static void take(struct outcome *outcome, const uint8_t *bytes, size_t size)
{
    struct hws_slice body;
    int split = hwsi_frame_split(bytes, size, LIMIT, &body);
    if (split != 1) {
        outcome->error = split ? split : NEED_MORE;
        return;
    }
    assert_int_equal(body.size, size - HWSI_FRAME_PREFIX);
    int kind = hwsi_frame_kind(body);
    switch (kind) {
    case HWSI_FRAME_HELLO:
    case HWSI_FRAME_WELCOME: take_hello(outcome, kind, body); break;
    case HWSI_FRAME_DELIVER: take_deliver(outcome, body); break;
    case HWSI_FRAME_SYSTEM: take_system(outcome, body); break;
    default:
        if (kind < 0) {
            outcome->error = kind;
        } else {
            take_control(outcome, body);
        }
    }
}

static unsigned nibble(char digit)
{
    assert_true(isxdigit((unsigned char)digit));
    return (unsigned)(isdigit((unsigned char)digit) ? digit - '0'
                                                    : tolower((unsigned char)digit) - 'a' + 10);
}

static void read_hex(struct vector *vector, const char *hex)
{
    vector->size = 0;
    for (; *hex; hex++) {
        if (*hex != ' ') {
            assert_true(vector->size < sizeof vector->bytes);
            vector->bytes[vector->size++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
            hex++;
        }
    }
}

/* Cuts the next column off; its surrounding spaces too. */
static char *column(char **rest)
{
    char *start = *rest + strspn(*rest, " ");
    char *end = strchr(start, '|');
    *rest = end ? end + 1 : start + strlen(start);
    end = end ? end : *rest;
    while (end > start && isspace((unsigned char)end[-1])) {
        end--;
    }
    *end = 0;
    return start;
}

static bool next_vector(FILE *file, struct vector *vector)
{
    while (fgets(vector->line, sizeof vector->line, file)) {
        if (vector->line[0] == '#' || vector->line[0] == '\n') {
            continue;
        }
        assert_non_null(strchr(vector->line, '\n'));
        char *rest = vector->line;
        vector->name = column(&rest);
        vector->expect = column(&rest);
        read_hex(vector, column(&rest));
        vector->fields = column(&rest);
        return true;
    }
    return false;
}

static int expected(const char *expect)
{
#define X(name, number, sentence)     \
    if (strcmp(expect, #name) == 0) { \
        return number;                \
    }
    HWS_ERRORS(X)
#undef X
    if (strcmp(expect, "more") == 0) {
        return NEED_MORE;
    }
    assert_true(strcmp(expect, "exact") == 0 || strcmp(expect, "accept") == 0);
    return 0;
}

static struct vector *open_vectors(FILE **file)
{
    struct vector *vector = malloc(sizeof *vector);
    assert_non_null(vector);
    *file = fopen(VECTORS, "r");
    assert_non_null(*file);
    return vector;
}

static struct outcome *outcome_of(const struct vector *vector)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    /* In a block of its own, so that reading past the frame's end is seen. */
    uint8_t *bytes = room(vector->size + !vector->size);
    assert_non_null(outcome);
    memcpy(bytes, vector->bytes, vector->size);
    take(outcome, bytes, vector->size);
    free(bytes);
    return outcome;
}

static void free_outcome(struct outcome *outcome)
{
    free(outcome->written);
    free(outcome);
}

static void test_vectors(void **state)
{
    (void)state;
    FILE *file;
    struct vector *vector = open_vectors(&file);
    unsigned seen = 0;
    for (; next_vector(file, vector); seen++) {
        struct outcome *outcome = outcome_of(vector);
        if (outcome->error != expected(vector->expect)) {
            fail_msg("%s: %d instead of %s", vector->name, outcome->error, vector->expect);
        }
        if (strcmp(outcome->meaning.text, vector->fields) != 0) {
            fail_msg("%s: it means\n%s\ninstead of\n%s", vector->name, outcome->meaning.text,
                     vector->fields);
        }
        bool same =
            outcome->size == vector->size &&
            (outcome->size == 0 || memcmp(outcome->written, vector->bytes, vector->size) == 0);
        if (!outcome->error && same != (strcmp(vector->expect, "exact") == 0)) {
            fail_msg("%s: writing it again gives %s bytes", vector->name,
                     same ? "the same" : "other");
        }
        free_outcome(outcome);
    }
    assert_true(seen > 150);
    fclose(file);
    free(vector);
}

/* A frame that ends too early is refused wherever it ends, and nothing reads past its end. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    FILE *file;
    struct vector *vector = open_vectors(&file);
    while (next_vector(file, vector)) {
        if (strcmp(vector->expect, "exact") != 0) {
            continue;
        }
        for (size_t size = vector->size; size-- > HWSI_FRAME_PREFIX + 1;) {
            vector->size = size;
            for (unsigned i = 0; i < HWSI_FRAME_PREFIX; i++) {
                vector->bytes[i] = (uint8_t)((size - HWSI_FRAME_PREFIX) >> (24 - 8 * i));
            }
            struct outcome *outcome = outcome_of(vector);
            if (outcome->error != HWS_EPROTOCOL && outcome->error != HWS_EDECODE) {
                fail_msg("%s cut to %zu bytes: %d", vector->name, size, outcome->error);
            }
            free_outcome(outcome);
        }
    }
    fclose(file);
    free(vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
