// The files of one directory: what a write-ahead log asks of a disk.
//
// Promise
//  1. What was written is read back as long as the process, or another after it, runs on the same
//     machine: the kernel has it.
//  2. A loss of power keeps what was in a file when its last good `sync` began, and any part of
//     what was changed since: appended bytes may be missing, torn or replaced by others.
//  3. A loss of power keeps names as of the last good `sync_names`, and any part of their changes
//     since. A rename is seen whole or not at all.
//
// A failed write leaves any part of its bytes behind. After a failed sync nothing is known of what
// was not synced: whoever stands on a file trusts it no more, and never syncs again instead.
//
// `sync` may be called from another thread than the rest; all else from one thread at a time.
#ifndef BRUSIO_PORT_FILE_H
#define BRUSIO_PORT_FILE_H

#include "base/err.h"
#include "base/slice.h"

struct file; // an open file; which one, the adapter knows

#define FILE_NAME_BYTES_MAX 64

// Errors are ERR_FULL, ERR_IO, and what is named below.
struct files_ops {
    // Gives an open file, to be ended by `close`. A missing one is made, empty, when `create`;
    // otherwise ERR_NOT_FOUND.
    enum err (*open)(void *files, const char *name, bool create, struct file **out);
    void (*close)(void *files, struct file *file);

    enum err (*length)(void *files, struct file *file, uint64_t *out);

    // Fills `out` with `length` bytes, all of which the file must have (ERR_IO).
    enum err (*read)(void *files, struct file *file, uint64_t offset, uint8_t *out, size_t length);

    // Writes `head` and, behind it, `body`, with one system call unless the kernel takes less.
    // `offset` is at most the file's length.
    enum err (*write)(void *files, struct file *file, uint64_t offset, struct slice head,
                      struct slice body);

    // Cuts the file to `length` bytes, which it must have.
    enum err (*cut)(void *files, struct file *file, uint64_t length);
    enum err (*sync)(void *files, struct file *file);

    // Names within the directory. `rename` replaces `to`; removing an absent file is fine.
    enum err (*rename)(void *files, const char *from, const char *to);
    enum err (*remove)(void *files, const char *name);
    enum err (*sync_names)(void *files);
};

struct files {
    const struct files_ops *ops;
    void *self;
};

#endif
