/* Rows that were packed to the columns of Arrow: for each, how many are absent, a bit for each that is there, and the
values one after another (https://arrow.apache.org/docs/format/Columnar.html).

Their plain twin lets Arrow read tuples of texts and numbers, cell by cell. */

#include "_packing.h"

static PyObject *zeros(Py_ssize_t size) {
    PyObject *made = PyBytes_FromStringAndSize(NULL, size);
    if (made != NULL) memset(PyBytes_AS_STRING(made), 0, (size_t)size);
    return made;
}

static void set_bit(char *bits, Py_ssize_t place) { bits[place / 8] |= (char)(1 << place % 8); }

/* The column at that place, whose cells begin at that offset. */
static PyObject *column(const Packer *self, PyObject *rows, Py_ssize_t place, Py_ssize_t offset) {
    Py_ssize_t count = PyTuple_GET_SIZE(rows), bits = (count + 7) / 8, size = width(self->types[place]);
    int is_bool = self->types[place] == '?';
    PyObject *there = zeros(bits), *values = zeros(is_bool ? bits : count * size);
    Py_ssize_t absent = 0;
    for (Py_ssize_t row = 0; there != NULL && values != NULL && row < count; row++) {
        const char *body = PyBytes_AS_STRING(PyTuple_GET_ITEM(rows, row));
        if ((unsigned char)body[place / 8] >> place % 8 & 1) set_bit(PyBytes_AS_STRING(there), row);
        else absent++;
        if (!is_bool) memcpy(PyBytes_AS_STRING(values) + row * size, body + offset, (size_t)size);
        else if (body[offset]) set_bit(PyBytes_AS_STRING(values), row);
    }
    PyObject *found = there == NULL || values == NULL ? NULL : Py_BuildValue("nOO", absent, there, values);
    Py_XDECREF(there);
    Py_XDECREF(values);
    return found;
}

/* The symbols, which end the rows: where each begins, as 32-bit integers, and all of them together. */
static PyObject *symbols(const Packer *self, PyObject *rows) {
    Py_ssize_t count = PyTuple_GET_SIZE(rows), total = 0;
    for (Py_ssize_t row = 0; row < count; row++) total += PyBytes_GET_SIZE(PyTuple_GET_ITEM(rows, row)) - self->fixed;
    PyObject *offsets = zeros(4 * (count + 1)), *texts = total > INT32_MAX ? PyErr_NoMemory() : zeros(total);
    int32_t at = 0;
    for (Py_ssize_t row = 0; offsets != NULL && texts != NULL && row < count; row++) {
        PyObject *body = PyTuple_GET_ITEM(rows, row);
        int32_t size = (int32_t)(PyBytes_GET_SIZE(body) - self->fixed);
        memcpy(PyBytes_AS_STRING(texts) + at, PyBytes_AS_STRING(body) + self->fixed, (size_t)size);
        at += size;
        memcpy(PyBytes_AS_STRING(offsets) + 4 * (row + 1), &at, 4);
    }
    PyObject *found = offsets == NULL || texts == NULL ? NULL : PyTuple_Pack(2, offsets, texts);
    Py_XDECREF(offsets);
    Py_XDECREF(texts);
    return found;
}

static int are_rows(const Packer *self, PyObject *rows) {
    int known = self->names == NULL;
    for (Py_ssize_t row = 0; known && row < PyTuple_GET_SIZE(rows); row++)
        known = PyBytes_CheckExact(PyTuple_GET_ITEM(rows, row)) && PyBytes_GET_SIZE(PyTuple_GET_ITEM(rows, row)) >= self->fixed;
    if (!known) PyErr_SetString(PyExc_TypeError, "a list of rows of this pack is asked for");
    return known;
}

static PyObject *columns(const Packer *self, PyObject *rows) {
    PyObject *found = are_rows(self, rows) ? PyList_New(0) : NULL;
    Py_ssize_t offset = FLAGS;
    for (Py_ssize_t place = -1; found != NULL && place < self->columns; place++) {
        PyObject *next = place < 0 ? symbols(self, rows) : column(self, rows, place, offset);
        if (next == NULL || PyList_Append(found, next)) Py_CLEAR(found);
        Py_XDECREF(next);
        if (place >= 0) offset += width(self->types[place]);
    }
    return found;
}

PyObject *Packer_columns(Packer *self, PyObject *list) {
    if (!PyList_CheckExact(list)) return PyErr_SetString(PyExc_TypeError, "a list of rows of this pack is asked for"), NULL;
    PyObject *rows = PyList_AsTuple(list); /* a list could change while something is allocated */
    PyObject *found = rows == NULL ? NULL : columns(self, rows);
    Py_XDECREF(rows);
    return found;
}
