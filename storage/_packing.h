/* What the two halves of the extension share: values, wherever they come from, and what writes them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOST_COLUMNS 16

typedef struct {
    const char *at;
    Py_ssize_t size;
} Text;

/* A value of a column: 's' a text, 'q' an integer, '?' a bool, 0 nothing. */
typedef struct {
    char type;
    Text text;
    int64_t number;
} Value;

/* One side of an order book: its levels as tuples of Python, or as JSON that was looked through. */
typedef struct {
    Py_ssize_t count;
    PyObject *levels; /* NULL: on the wire */
    const char *at;
} Side;

typedef struct {
    Text key, symbol, kind;
    Value timestamp, first, last, previous;
    Side bids, asks;
} Book;

/* A row is the flags of its columns, the bytes of each as Arrow has them (zeros where it is absent), and its symbol. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *key;     /* a tuple: literal texts, and places of columns */
    PyObject *names;   /* a tuple: the type and the name of each column after the symbol, as bytes; NULL for rows */
    Py_ssize_t columns; /* after the symbol */
    Py_ssize_t fixed;  /* bytes of all of them, with their names or their flags */
    char types[MOST_COLUMNS];
} Packer;

extern PyTypeObject PackerType, ReaderType, FingerprintsType;

#define FLAGS 2 /* bytes: a bit for each column that is there */

static inline Py_ssize_t width(char type) { return type == 'd' ? 16 : type == '?' ? 1 : 8; }

/* Each raises ValueError for what it cannot vouch for. */
int pack_columns(Packer *self, PyObject *symbol, const Value *values, PyObject **key, PyObject **body);
PyObject *pack_book(const Book *book);
char *put_book_key(char *to, const Book *book, int64_t levels); /* 107 bytes at most, for a symbol of 64 */
Text next_text(const char **at);                        /* the next string of JSON that was looked through */
int append_place(PyObject *list, Py_ssize_t place);     /* 0, or -1 with an exception */
PyObject *captured(PyObject *module, PyObject *lines);    /* storage.compiled.captured */
PyObject *Packer_columns(Packer *self, PyObject *rows);   /* storage.compiled.columns */
