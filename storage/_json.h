/* JSON (RFC 8259) as usual messages have it, looked through once: names and where their values stand.

What no usual message has is not understood: texts that are not plain ASCII, lists of anything but pairs of texts,
objects in objects but for the two that a wrapper has. A header, because the compiler then sees both ends: 0.66 µs a
message, and 0.90 as a file of its own. */

#include "_packing.h"

#define MOST_FIELDS 40

/* One name and its value: `kind` is the first byte of the value, 0 a number. */
typedef struct {
    Text name, value;
    char kind;
    Py_ssize_t count; /* of the levels in a list */
} Field;

typedef struct {
    Field fields[MOST_FIELDS];
    int count;
} Object;

enum { ABSENT, FOUND, TWICE };

/* Each of these returns where it ended, NULL for what is not usual. A message ends with a NUL, like all bytes. */

static const char *blank(const char *at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
    return at;
}

static const char *text(const char *at, Text *to) {
    if (at == NULL || *at != '"') return NULL;
    to->at = ++at;
    while (*at != '"') {
        if ((signed char)*at < ' ' || *at == '\\') return NULL; /* control, beyond ASCII, escaped */
        at++;
    }
    to->size = at - to->at;
    return at + 1;
}

static const char *digits(const char *at) {
    if (*at < '0' || *at > '9') return NULL;
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

static const char *number(const char *at) {
    at += *at == '-';
    if (*at == '0') at++;
    else if ((at = digits(at)) == NULL) return NULL;
    if (*at == '.' && (at = digits(at + 1)) == NULL) return NULL;
    if (*at != 'e' && *at != 'E') return at;
    at++;
    return digits(at + (*at == '+' || *at == '-'));
}

static const char *word(const char *at, const char *expected, size_t size) {
    return strncmp(at, expected, size) ? NULL : at + size;
}

static const char *expect(const char *at, char byte) {
    if (at == NULL) return NULL;
    at = blank(at);
    return *at == byte ? blank(at + 1) : NULL;
}

/* A list of pairs of texts. */
static const char *levels(const char *at, Py_ssize_t *count) {
    Text skipped;
    *count = 0;
    at = expect(at, '[');
    if (at != NULL && *at == ']') return at + 1;
    while (at != NULL) {
        at = expect(text(expect(at, '['), &skipped), ',');
        at = expect(text(at, &skipped), ']');
        ++*count;
        if (at == NULL || *at == ']') break;
        at = expect(at, ',');
    }
    return at == NULL ? NULL : at + 1;
}

Text next_text(const char **at) {
    Text found;
    while (**at != '"') ++*at;
    *at = text(*at, &found);
    return found;
}

static const char *value(const char *at, Field *to) {
    to->kind = *at;
    to->value = (Text){at, 0};
    switch (*at) {
        case '"': return text(at, &to->value);
        case '[': return levels(at, &to->count);
        case 't': return word(at, "true", 4);
        case 'f': return word(at, "false", 5);
        case 'n': return word(at, "null", 4);
    }
    to->kind = 0;
    at = number(at);
    if (at != NULL) to->value.size = at - to->value.at;
    return at;
}

static int is(Text name, const char *expected, Py_ssize_t size) {
    return name.size == size && !memcmp(name.at, expected, (size_t)size);
}

/* The fields of an object; `data` and `trace` take those in it that may be objects themselves, where there are any. */
static const char *object(const char *at, Object *to, Object *data, Object *trace) {
    to->count = 0;
    at = expect(at, '{');
    if (at != NULL && *at == '}') return at + 1;
    while (at != NULL) {
        if (to->count == MOST_FIELDS) return NULL;
        Field *field = &to->fields[to->count++];
        at = expect(text(at, &field->name), ':');
        if (at == NULL) return NULL;
        if (*at != '{') at = value(at, field);
        else {
            Object *inner = is(field->name, "data", 4) ? data : is(field->name, "_otel_trace_headers", 19) ? trace : NULL;
            field->kind = '{';
            at = inner == NULL ? NULL : object(at, inner, NULL, NULL);
        }
        if (at == NULL) return NULL;
        at = blank(at);
        if (*at == '}') return at + 1;
        at = expect(at, ',');
    }
    return NULL;
}

static int find(const Object *in, const char *name, Py_ssize_t size, const Field **to) {
    int found = ABSENT;
    for (int place = 0; place < in->count; place++)
        if (is(in->fields[place].name, name, size)) {
            *to = &in->fields[place];
            found++;
        }
    return found < TWICE ? found : TWICE;
}

static int find_named(const Object *in, PyObject *name, const Field **to) {
    return find(in, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), to);
}

/* An optional text: 0 when something else stands there. */
static int optional_text(const Object *in, const char *name, Text *to) {
    const Field *field;
    int found = find(in, name, (Py_ssize_t)strlen(name), &field);
    if (found == FOUND) *to = field->value;
    return found == ABSENT || (found == FOUND && field->kind == '"');
}
