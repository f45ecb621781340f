/* A visit of the sports page, its repetition, a tick past the window, and a few mistakes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "segue.h"

#define NOW INT64_C(1767261600000) /* 2026-01-01T10:00:00Z */
#define TEXT(text) (const uint8_t *)(text), strlen(text)

static const char *DEFINITIONS =
    "[{\"kind\": \"Destination\", \"id\": \"hub\", \"type\": \"azure-event-hubs\","
    "  \"connection\": {\"embedded\": true, \"event_hub\": \"activations\"},"
    "  \"audiences\": [\"fan\"]},"
    " {\"kind\": \"Audience\", \"id\": \"fan\", \"name\": \"Fan\", \"definition\":"
    "  \"CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals(\\\"Sports\\\", false))"
    " WHEN(< 1 hours before now)])\"}]";
static const char *EVENT = "{\"_id\": \"%s\", \"timestamp\": \"2026-01-01T10:00:00Z\","
                           " \"identityMap\": {\"ECID\": [{\"id\": \"1\"}]},"
                           " \"web\": {\"webPageDetails\": {\"name\": \"Sports\"}}}";

/* Prints the changes of the activations, or how the message begins. */
static void report(const char *what, segue_status status, segue_bytes *result) {
    char text[4096] = "";
    size_t room = sizeof text - 1;
    if (result->data) memcpy(text, result->data, result->length < room ? result->length : room);
    char *changes = strstr(text, "[{\\\"audience");
    char *end = strstr(text, "]\",\"definition_version");
    if (changes && end) printf("%s: %d %.*s\n", what, (int)status, (int)(end - changes) + 1, changes);
    else printf("%s: %d %.14s\n", what, (int)status, text);
    segue_bytes_free(result);
}

static void visit(segue_engine *engine, uint64_t position, const char *id) {
    char json[512];
    segue_bytes input, result;
    snprintf(json, sizeof json, EVENT, id);
    if (segue_encode(SEGUE_EVENT, TEXT(json), NOW, &input) != SEGUE_OK) return;
    report(id, segue_engine_apply(engine, position, NOW, input.data, input.length, &result), &result);
    segue_bytes_free(&input);
}

int main(void) {
    segue_engine *engine;
    segue_bytes input, result;
    report("new", segue_engine_new(TEXT(DEFINITIONS), NOW, &engine, &result), &result);
    visit(engine, 1, "first");
    visit(engine, 2, "second");
    visit(engine, 3, "third");
    int64_t wake_ms = segue_engine_next_wake(engine);
    printf("wake: %" PRId64 "\n", wake_ms - NOW);
    segue_encode(SEGUE_TICK, NULL, 0, wake_ms, &input);
    report("tick", segue_engine_apply(engine, 4, wake_ms, input.data, input.length, &result), &result);
    report("again", segue_engine_apply(engine, 4, wake_ms, input.data, input.length, &result), &result);
    segue_bytes_free(&input);
    report("null", segue_engine_apply(NULL, 5, NOW, TEXT(""), &result), &result);
    report("kind", segue_encode(7, TEXT("{}"), NOW, &result), &result);
    report("utf-8", segue_encode(SEGUE_EVENT, TEXT("\xff"), NOW, &result), &result);
    report("rules", segue_encode(SEGUE_EVENT, TEXT("{}"), NOW, &result), &result);
    report("bytes", segue_engine_apply(engine, 5, wake_ms, TEXT("x"), &result), &result);
    segue_engine_free(engine);
    report("new", segue_engine_new(TEXT("[{\"kind\": \"Audiense\"}]"), NOW, &engine, &result), &result);
    return engine == NULL ? 0 : 1;
}
