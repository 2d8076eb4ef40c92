/* SPDX-License-Identifier: MIT */
#include "policy/record.h"

#include <string.h>

void hwsi_records_init(struct hwsi_records *records, struct hwsi_heap *heap)
{
    *records = (struct hwsi_records){ .heap = heap };
}

static void backoff_free(struct hwsi_heap *heap, struct hwsi_backoff_record *record)
{
    hwsi_free(heap, record, record ? record->size : 0);
}

static void letter_release(struct hwsi_letter_record *record)
{
    hws_pid_release(record->letter.target);
    hws_pid_release(record->message.sender);
    hws_atom_release(record->message.type);
}

void hwsi_records_free(struct hwsi_records *records)
{
    for (size_t i = 0; i < HWSI_RECORDED_BACKOFFS; i++)
        backoff_free(records->heap, records->backoff[i]);
    for (size_t i = 0; i < HWS_REASON_COUNT; i++)
        if (records->letter[i]) {
            letter_release(records->letter[i]);
            hwsi_free(records->heap, records->letter[i], sizeof *records->letter[i]);
        }
    for (size_t i = 0; i < HWSI_RECORDED_ADDRESSES; i++)
        hwsi_free_text(records->heap, records->address[i]);
    hwsi_records_init(records, records->heap);
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static void keep_text(const char **text, char **place)
{
    size_t size = size_of(*text);
    if (!size)
        return;
    *text = memcpy(*place, *text, size);
    *place += size;
}

void hwsi_record_backoff(struct hwsi_records *records, struct hwsi_random before,
                         const struct hws_policy_question *question,
                         const struct hws_backoff_answer *answer)
{
    if (!records)
        return;
    size_t size = sizeof(struct hwsi_backoff_record) + size_of(question->address) +
                  size_of(question->name) + size_of(question->reason);
    struct hwsi_backoff_record *record = hwsi_alloc(records->heap, size);
    if (!record)
        return;
    char *place = record->texts;
    record->size = size;
    record->before = before;
    record->question = *question;
    record->answer = *answer;
    keep_text(&record->question.address, &place);
    keep_text(&record->question.name, &place);
    keep_text(&record->question.reason, &place);
    struct hwsi_backoff_record **slot =
        &records->backoff[records->backoffs++ % HWSI_RECORDED_BACKOFFS];
    backoff_free(records->heap, *slot);
    *slot = record;
}

void hwsi_record_letter(struct hwsi_records *records, struct hwsi_random before,
                        const struct hws_letter *letter, const struct hws_letter_answer *answer)
{
    if (!records || (unsigned)letter->reason >= HWS_REASON_COUNT)
        return;
    struct hwsi_letter_record **slot = &records->letter[letter->reason], *record = *slot;
    if (record)
        letter_release(record);
    else if (!(*slot = record = hwsi_alloc(records->heap, sizeof *record)))
        return;
    record->before = before;
    record->letter.target = hws_pid_retain(letter->target);
    record->letter.reason = letter->reason;
    record->letter.message = letter->message ? &record->message : NULL;
    record->message.sender = letter->message ? hws_pid_retain(letter->message->sender) : NULL;
    record->message.type = letter->message ? hws_atom_retain(letter->message->type) : NULL;
    record->answer = *answer;
}

void hwsi_record_address(struct hwsi_records *records, const char *address)
{
    if (!records)
        return;
    for (size_t i = 0; i < HWSI_RECORDED_ADDRESSES; i++)
        if (records->address[i] && strcmp(records->address[i], address) == 0)
            return;
    char *copy = hwsi_copy_text(records->heap, address);
    if (!copy)
        return;
    char **slot = &records->address[records->addresses++ % HWSI_RECORDED_ADDRESSES];
    hwsi_free_text(records->heap, *slot);
    *slot = copy;
}
