/* JSON (RFC 8259) as usual messages have it, looked through once: names and where their values stand.

What no usual message has is not understood: texts that are not plain ASCII, lists of anything but pairs of texts,
objects in objects but for the two that a wrapper has. A header, because the compiler then sees both ends: as a file of
its own it took a third longer. */

#include "_packing.h"

#define MOST_FIELDS 40
#define LETTERS 64 /* from '@' on, all that ASCII has */

/* One name and its value: `kind` is the first byte of the value, 0 a number. */
typedef struct {
    Text name, value;
    char kind;
    Py_ssize_t count; /* of the levels in a list */
} Field;

/* Most names are one letter: where it stands is noted, so that nobody has to look for it. */
typedef struct {
    Field fields[MOST_FIELDS];
    int count;
    unsigned char letters[LETTERS]; /* the place of its field, counted from 1; OFTEN: of several */
} Object;

enum { ABSENT, FOUND, TWICE };
enum { OFTEN = 255 };

/* Each of these returns where it ended, NULL for what is not usual. A message ends with a NUL, like all bytes. */

static const char *blank(const char *at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
    return at;
}

/* What may stand in a text: no control, nothing beyond ASCII, nothing escaped. */
static const char plain[256] = {[' '] = 1, ['!'] = 1, ['"' + 1 ... '\\' - 1] = 1, ['\\' + 1 ... 127] = 1};

static const char *text(const char *at, Text *to) {
    if (at == NULL || *at != '"') return NULL;
    to->at = ++at;
    while (plain[(unsigned char)*at]) at++;
    to->size = at - to->at;
    return *at == '"' ? at + 1 : NULL;
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

static const char *word(const char *at, const char *expected) {
    for (; *expected; at++, expected++)
        if (*at != *expected) return NULL;
    return at;
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
        case 't': return word(at, "true");
        case 'f': return word(at, "false");
        case 'n': return word(at, "null");
    }
    to->kind = 0;
    at = number(at);
    if (at != NULL) to->value.size = at - to->value.at;
    return at;
}

static int is(Text name, const char *expected, Py_ssize_t size) {
    if (name.size != size) return 0;
    for (Py_ssize_t place = 0; place < size; place++)
        if (name.at[place] != expected[place]) return 0;
    return 1;
}

static void empty(Object *object) {
    object->count = 0;
    memset(object->letters, 0, sizeof object->letters);
}

/* Where it is noted where this name stands, if it is a letter. */
static int letter_of(const char *name, Py_ssize_t size) {
    int place = (unsigned char)*name - '@';
    return size == 1 && place >= 0 && place < LETTERS ? place : LETTERS;
}

static void note_letter(Object *in, Text name) {
    int place = letter_of(name.at, name.size);
    if (place < LETTERS) in->letters[place] = in->letters[place] ? OFTEN : (unsigned char)in->count;
}

/* The fields of an object; `data` and `trace` take those in it that may be objects themselves, where there are any. */
static const char *object(const char *at, Object *to, Object *data, Object *trace) {
    empty(to);
    at = expect(at, '{');
    if (at != NULL && *at == '}') return at + 1;
    while (at != NULL) {
        if (to->count == MOST_FIELDS) return NULL;
        Field *field = &to->fields[to->count++];
        at = expect(text(at, &field->name), ':');
        if (at == NULL) return NULL;
        note_letter(to, field->name);
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

static int found_at(const Object *in, int place, const Field **to) {
    if (place == 0 || place == OFTEN) return place ? TWICE : ABSENT;
    *to = &in->fields[place - 1];
    return FOUND;
}

static int find(const Object *in, const char *name, Py_ssize_t size, const Field **to) {
    int noted = letter_of(name, size), found = ABSENT;
    if (noted < LETTERS) return found_at(in, in->letters[noted], to);
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
