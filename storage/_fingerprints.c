/* Which texts were met with which bytes, by the hashes of both: the compiled twin of storage/fingerprints.py.

A dict of the same keeps the texts alive and misses the processor's cache with each of them. Here an entry is two words in
one table (open addressing, linear probing). */

#include "_packing.h"

#define AHEAD 8   /* so many entries before its turn, what an entry needs is fetched: else it waits for memory each time */
#define FEWEST 16 /* slots; always a power of two, of which at most two thirds are taken */

typedef struct {
    uint64_t key, body; /* their hashes; 0 as key: free */
} Print;

typedef struct {
    PyObject_HEAD
    Print *slots;
    Py_ssize_t size, taken;
} Fingerprints;

/* 0 is left for what is free. */
static int hashed(PyObject *object, uint64_t *to) {
    Py_hash_t hash = PyObject_Hash(object);
    *to = hash ? (uint64_t)hash : 1;
    return hash != -1;
}

/* Where the key stands, or could. */
static Print *slot_of(Print *slots, Py_ssize_t size, uint64_t key) {
    uint64_t place = key & (uint64_t)(size - 1);
    while (slots[place].key && slots[place].key != key) place = (place + 1) & (uint64_t)(size - 1);
    return &slots[place];
}

static int resize(Fingerprints *self, Py_ssize_t size) {
    Print *slots = PyMem_Calloc((size_t)size, sizeof(Print));
    if (slots == NULL) return PyErr_NoMemory(), 0;
    for (Py_ssize_t place = 0; place < self->size; place++)
        if (self->slots[place].key) *slot_of(slots, size, self->slots[place].key) = self->slots[place];
    PyMem_Free(self->slots);
    self->slots = slots;
    self->size = size;
    return 1;
}

static int reserve(Fingerprints *self, Py_ssize_t more) {
    Py_ssize_t size = self->size;
    while ((self->taken + more) * 3 > size * 2) size *= 2;
    return size == self->size || resize(self, size);
}

/* Begin to fetch what the entry at this place needs, if there is one: its texts, and later where it may stand. */
static void fetch_texts(PyObject *keys, PyObject *bodies, Py_ssize_t place) {
    if (place >= PyList_GET_SIZE(keys)) return;
    const char *body = (const char *)PyList_GET_ITEM(bodies, place);
    __builtin_prefetch(PyList_GET_ITEM(keys, place));
    for (int line = 0; line < 4; line++) __builtin_prefetch(body + line * 64);
}

static void fetch_slot(const Fingerprints *self, PyObject *keys, Py_ssize_t place) {
    if (place >= PyList_GET_SIZE(keys)) return;
    uint64_t key = (uint64_t)PyObject_Hash(PyList_GET_ITEM(keys, place));
    __builtin_prefetch(&self->slots[key & (uint64_t)(self->size - 1)]);
}

/* Two lists as long as each other; nobody's code runs while texts and bytes are hashed, so nothing changes them. */
static int lists(PyObject *const *args, Py_ssize_t count) {
    int known = count == 2 && PyList_CheckExact(args[0]) && PyList_CheckExact(args[1])
                && PyList_GET_SIZE(args[0]) == PyList_GET_SIZE(args[1]);
    for (Py_ssize_t place = 0; known && place < PyList_GET_SIZE(args[0]); place++) {
        fetch_texts(args[0], args[1], place + AHEAD);
        known = PyUnicode_CheckExact(PyList_GET_ITEM(args[0], place)) && PyBytes_CheckExact(PyList_GET_ITEM(args[1], place));
    }
    if (!known) PyErr_SetString(PyExc_TypeError, "keys and bodies are lists of texts and of bytes, of the same length");
    return known;
}

static PyObject *Fingerprints_add(Fingerprints *self, PyObject *const *args, Py_ssize_t count) {
    if (!lists(args, count) || !reserve(self, PyList_GET_SIZE(args[0]))) return NULL;
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(args[0]); place++) {
        fetch_slot(self, args[0], place + AHEAD);
        Print print;
        if (!hashed(PyList_GET_ITEM(args[0], place), &print.key)) return NULL;
        if (!hashed(PyList_GET_ITEM(args[1], place), &print.body)) return NULL;
        Print *slot = slot_of(self->slots, self->size, print.key);
        self->taken += !slot->key;
        *slot = print;
    }
    Py_RETURN_NONE;
}

/* 1 when the key was added with this body, 0 when not, -1 when Python raised. */
static int is_known(const Fingerprints *self, PyObject *key, PyObject *body) {
    uint64_t hash;
    if (!hashed(key, &hash)) return -1;
    Print *slot = slot_of(self->slots, self->size, hash);
    if (!slot->key) return 0; /* as nearly always: the body need not be looked at */
    return hashed(body, &hash) ? slot->body == hash : -1;
}

static PyObject *Fingerprints_known(Fingerprints *self, PyObject *const *args, Py_ssize_t count) {
    PyObject *places = PyList_New(0); /* first: what it may collect may change the lists */
    if (places != NULL && !lists(args, count)) Py_CLEAR(places);
    for (Py_ssize_t place = 0; places != NULL && place < PyList_GET_SIZE(args[0]); place++) {
        fetch_slot(self, args[0], place + AHEAD);
        int found = is_known(self, PyList_GET_ITEM(args[0], place), PyList_GET_ITEM(args[1], place));
        if (found < 0 || (found && append_place(places, place))) Py_CLEAR(places);
    }
    return places;
}

static Py_ssize_t Fingerprints_length(Fingerprints *self) { return self->taken; }

static PyObject *Fingerprints_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    if (PyTuple_GET_SIZE(args) || names != NULL) return PyErr_SetString(PyExc_TypeError, "it begins empty"), NULL;
    Fingerprints *self = (Fingerprints *)type->tp_alloc(type, 0);
    if (self != NULL && !resize(self, FEWEST)) Py_CLEAR(self);
    return (PyObject *)self;
}

static void Fingerprints_dealloc(Fingerprints *self) {
    PyMem_Free(self->slots);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))Fingerprints_add, METH_FASTCALL, NULL},
    {"known", (PyCFunction)(void (*)(void))Fingerprints_known, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods as_sequence = {.sq_length = (lenfunc)Fingerprints_length};

PyTypeObject FingerprintsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "storage._packing.Fingerprints",
    .tp_basicsize = sizeof(Fingerprints),
    .tp_dealloc = (destructor)Fingerprints_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = methods,
    .tp_as_sequence = &as_sequence,
    .tp_new = Fingerprints_new,
};
