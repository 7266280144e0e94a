// Linux calls that Swift's Glibc module leaves out, since it is built without _GNU_SOURCE.
#pragma once

#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/// renameat2(2) with RENAME_NOREPLACE. 0, or -1 with errno.
int aspired_rename_noreplace(const char *from, const char *to);

/// fallocate(2) of the whole range, extending the file. 0, or -1 with errno.
int aspired_fallocate(int fd, off_t offset, off_t length);

/// ioctl(2) FICLONE: variadic, and its request is a macro that Swift does not import. 0, or -1 with errno.
int aspired_clone(int target, int source);

/// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: has the kernel begin to write a range, and waits for nothing. 0, or -1 with errno.
int aspired_start_writeback(int fd, off_t offset, off_t length);

/// sync_file_range(2) that waits until a range is written; the disk may still have it in its cache. 0, or -1 with errno.
int aspired_write_back(int fd, off_t offset, off_t length);

/// The file system's magic number (statfs(2), f_type), or -1 with errno.
long aspired_filesystem_magic(int fd);
long aspired_filesystem_magic_at(const char *path);

/// The id of the mount that the descriptor was opened on (statx(2), STATX_MNT_ID).
/// 0 and *id, or -1 with errno (EOPNOTSUPP where the kernel does not tell).
int aspired_mount_id(int fd, uint64_t *id);

/// open(2): a variadic function that Swift imports only in part.
int aspired_open(const char *path, int flags, mode_t mode);
int aspired_openat(int directory, const char *name, int flags, mode_t mode);

/// Has a child that is spawned close every descriptor from `first` on (posix_spawn_file_actions_addclosefrom_np). 0, or an error number.
int aspired_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/// Names the calling thread (15 bytes at most are kept).
void aspired_name_thread(const char *name);

/// What the calling thread has set, NULL at first: Swift has no variable of a thread's own.
void *aspired_task_host(void);
void aspired_set_task_host(void *host);

/// Bounds glibc's arenas (M_ARENA_MAX), each of which keeps freed memory for itself.
void aspired_limit_arenas(int count);

/// Has the system give each block of at least so many bytes by itself, and have it back when it is freed (M_MMAP_THRESHOLD).
void aspired_map_from(int size);

/// Gives freed heap back to the system.
void aspired_trim_heap(void);

/// Bytes that a block of the heap has room for (malloc_usable_size(3)).
size_t aspired_block_size(void *block);
