#include "sim/file_sim.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/random.h"

#include <stdlib.h>

enum { SECTOR_BYTES = 512, ONE_IN_GARBAGE = 4 };

// A write of bytes at an offset, or a cut to a length.
struct change {
    struct list node;
    bool cuts;
    bool doomed; // a sync of it failed: a later one may not make it stable
    size_t offset;
    size_t length;
    uint8_t bytes[];
};

struct inode {
    bool used;
    struct buf seen;     // what a reader gets
    struct buf stable;   // what is kept of it in any case
    struct list changes; // since then, oldest first
};

struct file {
    struct list node;
    size_t inode;
};

struct name {
    char text[FILE_NAME_BYTES_MAX];
    size_t inode;
};

struct names {
    struct name items[FILE_SIM_FILES_MAX];
    size_t count;
};

// `to` names the inode from now on (NO_INODE: nothing), and `from`, unless empty, no longer does.
struct name_change {
    char from[FILE_NAME_BYTES_MAX];
    char to[FILE_NAME_BYTES_MAX];
    size_t inode;
};

#define NO_INODE SIZE_MAX

struct file_sim {
    struct rng rng;
    struct inode inodes[FILE_SIM_FILES_MAX];
    struct list open; // of the process
    struct names seen;
    struct names stable;
    struct name_change name_changes[FILE_SIM_NAME_CHANGES_MAX];
    size_t name_change_count;
    uint64_t operations;
    uint64_t fail_at; // the number of the operation that fails, UINT64_MAX for none
    enum err fail_error;
    uint64_t halt_at;
};

// --- names

static struct name *names_find(struct names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].text, text) == 0)
            return &names->items[i];
    return NULL;
}

static void names_drop(struct names *names, const char *text)
{
    struct name *name = names_find(names, text);
    if (name != NULL)
        *name = names->items[--names->count];
}

static void name_copy(char to[FILE_NAME_BYTES_MAX], const char *from)
{
    size_t length = strlen(from);
    CHECK(length < FILE_NAME_BYTES_MAX);
    memcpy(to, from, length + 1);
}

static void names_apply(struct names *names, const struct name_change *change)
{
    if (change->from[0] != '\0')
        names_drop(names, change->from);
    names_drop(names, change->to);
    if (change->inode == NO_INODE)
        return;
    CHECK(names->count < FILE_SIM_FILES_MAX);
    struct name *name = &names->items[names->count++];
    name_copy(name->text, change->to);
    name->inode = change->inode;
}

static void change_names(struct file_sim *sim, const char *from, const char *to, size_t inode)
{
    CHECK(sim->name_change_count < FILE_SIM_NAME_CHANGES_MAX);
    struct name_change *change = &sim->name_changes[sim->name_change_count++];
    name_copy(change->from, from);
    name_copy(change->to, to);
    change->inode = inode;
    names_apply(&sim->seen, change);
}

// --- contents

static void content_copy(struct buf *to, const struct buf *from)
{
    buf_clear(to);
    buf_append_slice(to, buf_slice(from));
}

// Grows a content with zeros, or cuts it.
static void content_resize(struct buf *content, size_t length)
{
    if (length > content->length) {
        size_t more = length - content->length;
        uint8_t *added = buf_extend(content, more);
        CHECK(added != NULL);
        memset(added, 0, more);
    }
    content->length = length;
}

static void content_write(struct buf *content, size_t offset, const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return;
    if (offset + length > content->length)
        content_resize(content, offset + length);
    memcpy(content->bytes + offset, bytes, length);
}

static void content_apply(struct buf *content, const struct change *change, size_t length)
{
    if (change->cuts)
        content_resize(content, change->offset);
    else
        content_write(content, change->offset, change->bytes, length);
}

static void add_change(struct inode *inode, bool cuts, size_t offset, struct slice head,
                       struct slice body)
{
    struct change *change = memory_zeroed(1, sizeof *change + head.length + body.length);
    uint8_t *at = change->bytes;
    list_init(&change->node);
    change->cuts = cuts;
    change->offset = offset;
    change->length = head.length + body.length;
    (void)slice_copy_to(&at, head);
    (void)slice_copy_to(&at, body);
    list_append(&inode->changes, &change->node);
    content_apply(&inode->seen, change, change->length);
}

static void drop_changes(struct inode *inode)
{
    for (struct list *node; (node = list_take_first(&inode->changes)) != NULL;)
        free(LIST_ITEM(node, struct change, node));
}

static void inode_init(struct inode *inode)
{
    inode->used = true;
    buf_init(&inode->seen, FILE_SIM_BYTES_MAX);
    buf_init(&inode->stable, FILE_SIM_BYTES_MAX);
    list_init(&inode->changes);
}

static void inode_release(struct inode *inode)
{
    if (!inode->used)
        return;
    drop_changes(inode);
    buf_release(&inode->seen);
    buf_release(&inode->stable);
    inode->used = false;
}

static bool is_named(const struct names *names, size_t inode)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].inode == inode)
            return true;
    return false;
}

// Frees the files that no name, now or after a loss of power, leads to. None is open.
static void free_unnamed(struct file_sim *sim)
{
    for (size_t i = 0; i < FILE_SIM_FILES_MAX; i++) {
        bool named = is_named(&sim->seen, i) || is_named(&sim->stable, i);
        for (size_t c = 0; c < sim->name_change_count; c++)
            named = named || sim->name_changes[c].inode == i;
        if (!named)
            inode_release(&sim->inodes[i]);
    }
}

// --- faults

// Whether the operation that begins now goes well.
static enum err begin(struct file_sim *sim)
{
    uint64_t number = sim->operations++;
    if (number >= sim->halt_at)
        return ERR_IO;
    return number == sim->fail_at ? sim->fail_error : ERR_OK;
}

// Whether the operation that just failed is the first one to do so, and may leave a part.
static bool is_cut_short(const struct file_sim *sim)
{
    return sim->operations - 1 <= sim->halt_at;
}

// --- the port

static struct inode *inode_of(struct file_sim *sim, const struct file *file)
{
    return &sim->inodes[file->inode];
}

static size_t new_inode(struct file_sim *sim)
{
    size_t free_one = 0;
    while (free_one < FILE_SIM_FILES_MAX && sim->inodes[free_one].used)
        free_one++;
    CHECK(free_one < FILE_SIM_FILES_MAX);
    inode_init(&sim->inodes[free_one]);
    return free_one;
}

static enum err sim_open(void *self, const char *text, bool create, struct file **out)
{
    struct file_sim *sim = self;
    enum err error = begin(sim);
    if (error != ERR_OK)
        return error;
    struct name *name = names_find(&sim->seen, text);
    if (name == NULL && !create)
        return ERR_NOT_FOUND;
    size_t inode = name != NULL ? name->inode : new_inode(sim);
    if (name == NULL)
        change_names(sim, "", text, inode);
    *out = memory_zeroed(1, sizeof **out);
    (*out)->inode = inode;
    list_init(&(*out)->node);
    list_append(&sim->open, &(*out)->node);
    return ERR_OK;
}

static void sim_close(void *self, struct file *file)
{
    (void)self;
    list_remove(&file->node);
    free(file);
}

static enum err sim_length(void *self, struct file *file, uint64_t *out)
{
    *out = inode_of(self, file)->seen.length;
    return ERR_OK;
}

static enum err sim_read(void *self, struct file *file, uint64_t offset, uint8_t *out,
                         size_t length)
{
    const struct buf *seen = &inode_of(self, file)->seen;
    if (offset > seen->length || length > seen->length - offset)
        return ERR_IO;
    if (length > 0)
        memcpy(out, seen->bytes + offset, length);
    return ERR_OK;
}

static enum err sim_write(void *self, struct file *file, uint64_t offset, struct slice head,
                          struct slice body)
{
    struct file_sim *sim = self;
    struct inode *inode = inode_of(sim, file);
    enum err error = begin(sim);
    CHECK(offset <= inode->seen.length);
    if (error != ERR_OK) {
        if (!is_cut_short(sim))
            return error;
        size_t kept = (size_t)rng_below(&sim->rng, head.length + body.length + 1);
        head.length = kept < head.length ? kept : head.length;
        body.length = kept - head.length;
    }
    add_change(inode, false, (size_t)offset, head, body);
    return error;
}

static enum err sim_cut(void *self, struct file *file, uint64_t length)
{
    struct file_sim *sim = self;
    struct inode *inode = inode_of(sim, file);
    enum err error = begin(sim);
    CHECK(length <= inode->seen.length);
    if (error == ERR_OK)
        add_change(inode, true, (size_t)length, slice_of(NULL, 0), slice_of(NULL, 0));
    return error;
}

// What a failed sync covered may have been dropped by the kernel, although a reader still sees it.
static void make_stable(struct file_sim *sim, struct inode *inode)
{
    for (struct list *node = inode->changes.next; node != &inode->changes; node = node->next) {
        const struct change *change = LIST_ITEM(node, struct change, node);
        if (!change->doomed || rng_one_in(&sim->rng, 2))
            content_apply(&inode->stable, change, change->length);
    }
    drop_changes(inode);
}

static enum err sim_sync(void *self, struct file *file)
{
    struct file_sim *sim = self;
    struct inode *inode = inode_of(sim, file);
    enum err error = begin(sim);
    if (error == ERR_OK)
        make_stable(sim, inode);
    else
        for (struct list *node = inode->changes.next; node != &inode->changes; node = node->next)
            LIST_ITEM(node, struct change, node)->doomed = true;
    return error;
}

static enum err sim_rename(void *self, const char *from, const char *to)
{
    struct file_sim *sim = self;
    enum err error = begin(sim);
    struct name *name = names_find(&sim->seen, from);
    if (error == ERR_OK && name == NULL)
        error = ERR_IO;
    if (error == ERR_OK)
        change_names(sim, from, to, name->inode);
    return error;
}

static enum err sim_remove(void *self, const char *text)
{
    struct file_sim *sim = self;
    enum err error = begin(sim);
    if (error == ERR_OK && names_find(&sim->seen, text) != NULL)
        change_names(sim, "", text, NO_INODE);
    return error;
}

static enum err sim_sync_names(void *self)
{
    struct file_sim *sim = self;
    enum err error = begin(sim);
    if (error != ERR_OK)
        return error;
    sim->stable = sim->seen;
    sim->name_change_count = 0;
    return ERR_OK;
}

static const struct files_ops ops = {.open = sim_open,
                                     .close = sim_close,
                                     .length = sim_length,
                                     .read = sim_read,
                                     .write = sim_write,
                                     .cut = sim_cut,
                                     .sync = sim_sync,
                                     .rename = sim_rename,
                                     .remove = sim_remove,
                                     .sync_names = sim_sync_names};

struct files file_sim_port(struct file_sim *sim)
{
    return (struct files){.ops = &ops, .self = sim};
}

// --- the disk

static void end_faults(struct file_sim *sim)
{
    sim->fail_at = UINT64_MAX;
    sim->halt_at = UINT64_MAX;
}

struct file_sim *file_sim_new(uint64_t seed)
{
    struct file_sim *sim = memory_zeroed(1, sizeof *sim);
    rng_init(&sim->rng, seed);
    list_init(&sim->open);
    end_faults(sim);
    return sim;
}

void file_sim_free(struct file_sim *sim)
{
    if (sim == NULL)
        return;
    CHECK(list_empty(&sim->open));
    for (size_t i = 0; i < FILE_SIM_FILES_MAX; i++)
        inode_release(&sim->inodes[i]);
    free(sim);
}

void file_sim_fail(struct file_sim *sim, uint64_t skipped, enum err error)
{
    CHECK(error == ERR_FULL || error == ERR_IO);
    sim->fail_at = sim->operations + skipped;
    sim->fail_error = error;
}

void file_sim_halt(struct file_sim *sim, uint64_t skipped)
{
    sim->halt_at = sim->operations + skipped;
}

void file_sim_process_died(struct file_sim *sim)
{
    CHECK(list_empty(&sim->open));
    end_faults(sim);
    free_unnamed(sim);
}

// A prefix of the changes, the last of which may be torn.
static void keep_prefix(struct file_sim *sim, struct inode *inode)
{
    for (struct list *node = inode->changes.next; node != &inode->changes; node = node->next) {
        const struct change *change = LIST_ITEM(node, struct change, node);
        bool torn = rng_one_in(&sim->rng, 4);
        content_apply(&inode->stable, change,
                      torn ? (size_t)rng_below(&sim->rng, change->length + 1) : change->length);
        if (torn)
            return;
    }
}

// Some sectors of each change.
static void keep_sectors(struct file_sim *sim, struct inode *inode)
{
    for (struct list *node = inode->changes.next; node != &inode->changes; node = node->next) {
        const struct change *change = LIST_ITEM(node, struct change, node);
        if (change->cuts) {
            if (rng_one_in(&sim->rng, 2))
                content_apply(&inode->stable, change, 0);
            continue;
        }
        for (size_t at = 0; at < change->length;) {
            size_t left = SECTOR_BYTES - (change->offset + at) % SECTOR_BYTES;
            size_t length = left < change->length - at ? left : change->length - at;
            if (rng_one_in(&sim->rng, 2))
                content_write(&inode->stable, change->offset + at, change->bytes + at, length);
            at += length;
        }
    }
}

// The file may have grown on the disk without its bytes.
static void add_garbage(struct file_sim *sim, struct inode *inode)
{
    size_t from = inode->stable.length;
    if (from >= inode->seen.length)
        return;
    content_resize(&inode->stable, inode->seen.length);
    if (rng_one_in(&sim->rng, 2))
        for (size_t i = from; i < inode->stable.length; i++)
            inode->stable.bytes[i] = (uint8_t)rng_u64(&sim->rng);
}

static void lose_power_of(struct file_sim *sim, struct inode *inode)
{
    if (rng_one_in(&sim->rng, 2))
        keep_prefix(sim, inode);
    else
        keep_sectors(sim, inode);
    if (!list_empty(&inode->changes) && rng_one_in(&sim->rng, ONE_IN_GARBAGE))
        add_garbage(sim, inode);
    drop_changes(inode);
    content_copy(&inode->seen, &inode->stable);
}

void file_sim_power_lost(struct file_sim *sim)
{
    CHECK(list_empty(&sim->open));
    for (size_t i = 0; i < FILE_SIM_FILES_MAX; i++)
        if (sim->inodes[i].used)
            lose_power_of(sim, &sim->inodes[i]);
    for (size_t i = 0; i < sim->name_change_count; i++)
        if (rng_one_in(&sim->rng, 2))
            names_apply(&sim->stable, &sim->name_changes[i]);
    sim->name_change_count = 0;
    sim->seen = sim->stable;
    end_faults(sim);
    free_unnamed(sim);
}

static struct inode *named(const struct file_sim *sim, const char *text)
{
    struct file_sim *changed = (struct file_sim *)(uintptr_t)sim;
    struct name *name = names_find(&changed->seen, text);
    return name != NULL ? &changed->inodes[name->inode] : NULL;
}

void file_sim_rot(struct file_sim *sim, const char *name, size_t offset)
{
    struct inode *inode = named(sim, name);
    CHECK(inode != NULL && offset < inode->seen.length);
    inode->seen.bytes[offset] ^= (uint8_t)(1u << rng_below(&sim->rng, 8));
    content_copy(&inode->stable, &inode->seen);
    drop_changes(inode);
}

size_t file_sim_length(const struct file_sim *sim, const char *name)
{
    const struct inode *inode = named(sim, name);
    return inode != NULL ? inode->seen.length : SIZE_MAX;
}
