/* SPDX-License-Identifier: MIT */
/* Every line of spec/vectors/services.txt, read and written. Runs in the project's top directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/service.h"

#define ROOM 2048

struct vector {
    char line[ROOM];
    char *name, *what, *expect, *fields;
    uint8_t *bytes; /* in a block of its own, so that reading past its end is seen */
    size_t size;
};

static bool next_vector(FILE *file, struct vector *vector)
{
    while (fgets(vector->line, sizeof vector->line, file)) {
        if (vector->line[0] == '#' || vector->line[0] == '\n')
            continue;
        char *parts[5], *at = vector->line;
        for (int i = 0; i < 5; i++) {
            char *end = i < 4 ? strstr(at, " |") : strchr(at, '\n');
            assert_non_null(end);
            *end = 0;
            parts[i] = at;
            at = end + (i < 4 ? 2 + (end[2] == ' ') : 0);
        }
        vector->name = parts[0];
        vector->what = parts[1];
        vector->expect = parts[2];
        vector->fields = parts[4];
        vector->size = strlen(parts[3]) / 2;
        vector->bytes = malloc(vector->size);
        for (size_t i = 0; i < vector->size; i++)
            assert_int_equal(sscanf(parts[3] + 2 * i, "%2hhx", &vector->bytes[i]), 1);
        return true;
    }
    return false;
}

static char meaning[ROOM];
static size_t used;

static void say(const char *key, const char *form, struct hws_slice slice, uint64_t number)
{
    if (form[0] == 'n' ? !number : !slice.data)
        return;
    hwsi_text_append(meaning, sizeof meaning, &used, "%s%s=", used ? " " : "", key);
    if (form[0] == 'n')
        hwsi_text_append(meaning, sizeof meaning, &used, "%" PRIu64, number);
    else if (form[0] == 't')
        hwsi_text_append(meaning, sizeof meaning, &used, "\"%.*s\"", (int)slice.size,
                         (const char *)slice.data);
    else
        for (size_t i = 0; i < slice.size; i++)
            hwsi_text_append(meaning, sizeof meaning, &used, "%02x", slice.data[i]);
}

#define SAY_text(name, of) say(#name, "text", (of).name, 0);
#define SAY_value(name, of) say(#name, "value", (of).name, 0);
#define SAY_number(name, of) say(#name, "number", (struct hws_slice){ 0 }, (of).name);

/* Reads the map, tells what it means, and writes it again. */
static int take(const struct vector *vector, uint8_t *written, size_t *size)
{
    struct hws_slice payload = { vector->bytes, vector->size };
    int error;
    used = 0;
    meaning[0] = 0;
    if (strcmp(vector->what, "request") == 0) {
        struct hwsi_service_request request;
        error = hwsi_service_request_decode(payload, &request);
        if (error)
            return error;
        assert_true(hwsi_service_request_bound(&request) <= ROOM);
        *size = hwsi_service_request_encode(written, &request);
        assert_true(*size <= hwsi_service_request_bound(&request));
#define X(name, form) SAY_##form(name, request)
        HWSI_SERVICE_REQUEST_KEYS(X)
#undef X
        return 0;
    }
    struct hwsi_service_answer answer;
    error = hwsi_service_answer_decode(payload, &answer);
    if (error)
        return error;
    assert_true(hwsi_service_answer_bound(&answer) <= ROOM);
    *size = hwsi_service_answer_encode(written, &answer);
    assert_true(*size <= hwsi_service_answer_bound(&answer));
#define X(name, form) SAY_##form(name, answer)
    HWSI_SERVICE_ANSWER_KEYS(X)
#undef X
    return 0;
}

static void test_vectors(void **state)
{
    FILE *file = fopen("spec/vectors/services.txt", "r");
    struct vector vector;
    unsigned seen = 0;
    (void)state;
    assert_non_null(file);
    for (; next_vector(file, &vector); seen++) {
        uint8_t written[ROOM];
        size_t size = 0;
        int error = take(&vector, written, &size);
        bool exact = strcmp(vector.expect, "exact") == 0;
        if ((error != 0) != (strcmp(vector.expect, "EDECODE") == 0))
            fail_msg("%s: %d instead of %s", vector.name, error, vector.expect);
        if (!error && strcmp(meaning, vector.fields) != 0)
            fail_msg("%s: it means\n%s\ninstead of\n%s", vector.name, meaning, vector.fields);
        bool same = size == vector.size && memcmp(written, vector.bytes, size) == 0;
        if (!error && exact != same)
            fail_msg("%s: writing it again gives %s bytes", vector.name,
                     same ? "the same" : "other");
        free(vector.bytes);
    }
    assert_true(seen >= 30);
    fclose(file);
}

/* A map that ends too early is refused wherever it ends. */
static void test_cut_anywhere(void **state)
{
    FILE *file = fopen("spec/vectors/services.txt", "r");
    struct vector vector;
    (void)state;
    assert_non_null(file);
    while (next_vector(file, &vector)) {
        uint8_t written[ROOM], *whole = vector.bytes;
        bool good = strcmp(vector.expect, "EDECODE") != 0;
        for (size_t size = vector.size; good && size-- > 0;) {
            size_t ignored;
            vector.bytes = malloc(size + !size);
            vector.size = size;
            memcpy(vector.bytes, whole, size);
            if (take(&vector, written, &ignored) != HWS_EDECODE)
                fail_msg("%s cut to %zu bytes", vector.name, size);
            free(vector.bytes);
        }
        free(whole);
    }
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
