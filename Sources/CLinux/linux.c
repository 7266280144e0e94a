#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

int aspired_rename_noreplace(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int aspired_fallocate(int fd, off_t offset, off_t length) { return fallocate(fd, 0, offset, length); }

int aspired_clone(int target, int source) { return ioctl(target, FICLONE, source); }

int aspired_start_writeback(int fd, off_t offset, off_t length) {
    return sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

int aspired_write_back(int fd, off_t offset, off_t length) {
    return sync_file_range(
        fd, offset, length, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

long aspired_filesystem_magic(int fd) {
    struct statfs info;
    if (fstatfs(fd, &info) != 0) return -1;
    return (long)info.f_type;
}

long aspired_filesystem_magic_at(const char *path) {
    struct statfs info;
    if (statfs(path, &info) != 0) return -1;
    return (long)info.f_type;
}

int aspired_mount_id(int fd, uint64_t *id) {
#ifdef STATX_MNT_ID
    struct statx info;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) return -1;
    if (info.stx_mask & STATX_MNT_ID) {
        *id = info.stx_mnt_id;
        return 0;
    }
#endif
    errno = EOPNOTSUPP;
    return -1;
}

int aspired_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }

int aspired_openat(int directory, const char *name, int flags, mode_t mode) {
    return openat(directory, name, flags, mode);
}

int aspired_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

void aspired_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

static _Thread_local void *task_host;

void *aspired_task_host(void) { return task_host; }

void aspired_set_task_host(void *host) { task_host = host; }

void aspired_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

void aspired_map_from(int size) { mallopt(M_MMAP_THRESHOLD, size); }

void aspired_trim_heap(void) { malloc_trim(0); }

size_t aspired_block_size(void *block) { return malloc_usable_size(block); }
