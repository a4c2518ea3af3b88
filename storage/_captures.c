/* The messages in lines of captured ones, as CaptureWriter of consumer/sources/capture.py writes them: its compiled
twin. What it does not understand whole it leaves to that. */

#include "_packing.h"

/* Each of these returns where it ended, NULL for what is not as usual. A line ends with a NUL, like all bytes. */

static const char *after(const char *at, const char *expected) {
    size_t size = strlen(expected);
    return at != NULL && !strncmp(at, expected, size) ? at + size : NULL;
}

/* A text without anything to unescape, from behind its opening quote. */
static const char *plain(const char *at) {
    while (at != NULL && *at != '"') at = (signed char)*at < ' ' || *at == '\\' ? NULL : at + 1;
    return at == NULL ? NULL : at + 1;
}

/* What stands behind a backslash, and what it means. */
static const char meant[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* A text of ASCII up to its closing quote, and its size once it is unescaped. */
static const char *escaped(const char *at, Py_ssize_t *size) {
    for (*size = 0; at != NULL && *at != '"'; ++*size, at++) {
        int known = *at != '\\' ? (signed char)*at >= ' ' : meant[(unsigned char)*++at];
        if (!known) return NULL;
    }
    return at;
}

/* Of at most 18 digits. */
static const char *integer(const char *at) {
    if (at == NULL) return NULL;
    at += *at == '-';
    const char *first = at;
    while (*at >= '0' && *at <= '9') at++;
    return at == first || at - first > 18 || (*first == '0' && at - first > 1) ? NULL : at;
}

/* An object of plain texts, from behind its opening bracket. */
static const char *headers(const char *at) {
    do at = plain(after(plain(after(at, "\"")), ":\""));
    while (at != NULL && *at == ',' && at++);
    return after(at, "}");
}

static void unescape(const char *at, Py_ssize_t size, char *to) {
    for (; size--; at++) *to++ = *at == '\\' ? meant[(unsigned char)*++at] : *at;
}

/* Where the message of a capture line begins, and what its size is; of any other line the line itself. */
static const char *message(const char *at, Py_ssize_t line, Py_ssize_t *size) {
    const char *end = at + line;
    *size = line;
    if (line > 2 && at[0] == '{' && at[1] == '"' && at[2] != 't' && at[2] != '\\') return at;
    at = after(at, "{\"tapestore\":{");
    if (after(at, "\"subject\":\"")) at = after(plain(after(at, "\"subject\":\"")), ",");
    if (after(at, "\"time_ms\":")) at = after(integer(after(at, "\"time_ms\":")), ",");
    if (after(at, "\"headers\":{")) at = after(headers(after(at, "\"headers\":{")), ",");
    at = after(at, "\"data\":\"");
    const char *last = after(escaped(at, size), "\"}}");
    return last == end ? at : NULL;
}

static PyObject *read_line(PyObject *line) {
    Py_ssize_t size;
    const char *at = message(PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line), &size);
    if (at == NULL) return Py_NewRef(Py_None);
    if (at == PyBytes_AS_STRING(line)) return Py_NewRef(line);
    PyObject *found = PyBytes_FromStringAndSize(NULL, size);
    if (found != NULL) unescape(at, size, PyBytes_AS_STRING(found));
    return found;
}

PyObject *captured(PyObject *module, PyObject *lines) {
    (void)module;
    if (!PyList_CheckExact(lines)) return PyErr_SetString(PyExc_TypeError, "lines are a list"), NULL;
    PyObject *found = PyList_New(0), *others = PyList_New(0), *both = NULL;
    int read = found != NULL && others != NULL;
    for (Py_ssize_t place = 0; read && place < PyList_GET_SIZE(lines); place++) {
        PyObject *line = PyList_GET_ITEM(lines, place);
        PyObject *data = PyBytes_CheckExact(line) ? read_line(line) : Py_NewRef(Py_None);
        read = data != NULL && !PyList_Append(found, data) && (data != Py_None || !append_place(others, place));
        Py_XDECREF(data);
    }
    if (read) both = PyTuple_Pack(2, found, others);
    Py_XDECREF(found);
    Py_XDECREF(others);
    return both;
}
