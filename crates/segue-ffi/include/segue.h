/*
 * Segue's core for C: definitions and inputs in, activations out.
 *
 * The core is pure: it reads no clock and does no I/O. The caller keeps a log of encoded inputs,
 * each with its position and logical time, and applies them in that order; the same log always
 * gives the same activations, byte for byte.
 *
 *     segue_engine *engine;
 *     segue_bytes result;
 *     segue_engine_new(definitions, strlen(definitions), now_ms, &engine, &result);
 *     segue_encode(SEGUE_EVENT, event, strlen(event), now_ms, &result);   // keep in your log
 *     segue_engine_apply(engine, 1, now_ms, result.data, result.length, &activations);
 *
 * Every function that returns a segue_status fills its `result`, which the caller frees with
 * segue_bytes_free: with what it promises if SEGUE_OK, else with a message in UTF-8. Nothing is
 * terminated by a zero. Times are milliseconds since 1970-01-01T00:00:00Z.
 *
 * An engine may move between threads, but only one may use it at a time.
 */
#ifndef SEGUE_H
#define SEGUE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The whole system as one state machine. */
typedef struct segue_engine segue_engine;

/* Bytes that the library allocated; `data` is NULL if there are none. */
typedef struct segue_bytes {
    uint8_t *data;
    size_t length;
} segue_bytes;

typedef int32_t segue_status;
enum {
    SEGUE_OK = 0,
    /* An argument is NULL, not UTF-8, not JSON, or against the rules; nothing was changed. */
    SEGUE_INVALID = 1,
    /* A defect of Segue. The engine, if one was given, is of no use any more: free it. */
    SEGUE_PANICKED = 2
};

typedef int32_t segue_kind;
enum {
    SEGUE_EVENT = 0,  /* JSON: an XDM ExperienceEvent */
    SEGUE_RECORD = 1, /* JSON: an XDM Individual Profile, with identityMap */
    SEGUE_TICK = 2    /* no JSON: time went on */
};

/*
 * Makes an engine from a JSON array of definitions, in any order, as `segue apply` takes them.
 * They take effect at position 0; inputs begin at position 1. On success `*engine` is to be freed
 * with segue_engine_free, and `result` is empty; else `*engine` is NULL.
 */
segue_status segue_engine_new(const uint8_t *definitions, size_t length, int64_t now_ms,
                              segue_engine **engine, segue_bytes *result);

/* Frees an engine; NULL is fine. */
void segue_engine_free(segue_engine *engine);

/* Checks an input that arrives at `now_ms` and gives the bytes to keep in a log and to apply. */
segue_status segue_encode(segue_kind kind, const uint8_t *json, size_t length, int64_t now_ms,
                          segue_bytes *result);

/*
 * Applies an encoded input at its position, after the timers that are due by `now_ms`. Positions
 * must ascend. The result is a JSON array of the activations that follow, in the order of their
 * causes; "body" is the message to send, as a string:
 *
 *     [{"id", "destination", "profile", "at", "body", "reasons", "changes", "cause",
 *       "definition_version"}]
 *
 * "reasons" and "changes" are the texts of the properties segue-reason and segue-changes.
 */
segue_status segue_engine_apply(segue_engine *engine, uint64_t position, int64_t now_ms,
                                const uint8_t *input, size_t length, segue_bytes *result);

/*
 * When the engine must be given an input, a tick at least: INT64_MAX if never. Later is not lost,
 * but late. The engine must not be NULL.
 */
int64_t segue_engine_next_wake(const segue_engine *engine);

/* Frees a result; freeing it twice is fine, as it is empty afterwards. */
void segue_bytes_free(segue_bytes *bytes);

#ifdef __cplusplus
}
#endif

#endif
