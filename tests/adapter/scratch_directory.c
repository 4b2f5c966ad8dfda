#include "scratch_directory.h"

#include "base/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_directory_init(struct scratch_directory *scratch)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(scratch->path, sizeof scratch->path, "%s/brusio-test-XXXXXX",
                          parent != NULL ? parent : "/tmp");
    CHECK(length > 0 && (size_t)length < sizeof scratch->path);
    CHECK(mkdtemp(scratch->path) != NULL);
}

static void remove_below(const char *path, int depth)
{
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char child[SCRATCH_PATH_BYTES_MAX + sizeof entry->d_name];
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (unlink(child) != 0 && depth > 0)
            remove_below(child, depth - 1);
    }
    closedir(directory);
    CHECK(rmdir(path) == 0);
}

void scratch_directory_release(struct scratch_directory *scratch)
{
    remove_below(scratch->path, 1);
}

void scratch_directory_path(const struct scratch_directory *scratch, const char *name, char *out)
{
    int length = snprintf(out, SCRATCH_PATH_BYTES_MAX, "%s/%s", scratch->path, name);
    CHECK(length > 0 && length < SCRATCH_PATH_BYTES_MAX);
}
