/*
 * Loaded before a program's libraries, it counts what the program does to files below one folder, and at one of these
 * steps ends the program as `kill -9` does, or lets the disk be full from there on. What is written at that step is
 * written by half. (A rename that goes around the C library is no step; to be ended before or after it is the same as
 * at the steps beside it.)
 *
 * QMF_FAULT_UNDER: the folder, absolute. QMF_FAULT_AT: the step, from 1. QMF_FAULT_HOW: kill or full. QMF_FAULT_TOLD: a
 * file elsewhere that is made when it happens. Without QMF_FAULT_AT nothing happens. The clock stands still, so that runs
 * at different times write the same.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_int steps;

/* The function of this name that the program would have called. */
#define NEXT(name) ((__typeof__(&name))next(#name))

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}

static int below(const char *path) {
    const char *folder = getenv("QMF_FAULT_UNDER");
    char here[4096];
    if (path && path[0] != '/') {
        path = getcwd(here, sizeof here);
    }
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_watched(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) {
        return 0;
    }
    path[length] = '\0';
    /* A pipe has no path. */
    return path[0] == '/' && below(path);
}

/* 0: go on; 1: this is the step, of a full disk; 2: the disk is full since. Doesn't return from a kill's step. */
static int step(int fd, const void *bytes, size_t length) {
    const char *at = getenv("QMF_FAULT_AT"), *how = getenv("QMF_FAULT_HOW"), *told = getenv("QMF_FAULT_TOLD");
    int now = atomic_fetch_add(&steps, 1) + 1;
    if (!at || !how || !told || now < atoi(at)) {
        return 0;
    }
    if (now > atoi(at)) {
        return 2;
    }
    syscall(SYS_close, (int)syscall(SYS_openat, AT_FDCWD, told, O_CREAT | O_WRONLY, 0600));
    if (strcmp(how, "kill") == 0) {
        if (bytes && length > 1) {
            syscall(SYS_write, fd, bytes, length / 2);
        }
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    return 1;
}

static int full(void) {
    errno = ENOSPC;
    return -1;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME) {
        now->tv_sec = 1700000000;
    }
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_watched(fd)) {
        int at = step(fd, bytes, length);
        if (at == 1 && length > 1) {
            return syscall(SYS_write, fd, bytes, length / 2);
        }
        if (at) {
            return full();
        }
    }
    return syscall(SYS_write, fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_watched(fd) && step(fd, count ? parts[0].iov_base : NULL, count ? parts[0].iov_len : 0)) {
        return full();
    }
    return syscall(SYS_writev, fd, parts, count);
}

int fsync(int fd) {
    if (is_watched(fd) && step(fd, NULL, 0)) {
        return full();
    }
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    if (is_watched(fd) && step(fd, NULL, 0)) {
        return full();
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* A full disk doesn't keep a file from being renamed, cut or removed. */
int rename(const char *from, const char *to) {
    if (below(to)) {
        step(-1, NULL, 0);
    }
    return NEXT(rename)(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (below(to)) {
        step(-1, NULL, 0);
    }
    return NEXT(renameat2)(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
    if (below(path)) {
        step(-1, NULL, 0);
    }
    return NEXT(unlink)(path);
}

int ftruncate64(int fd, off64_t length) {
    if (is_watched(fd)) {
        step(-1, NULL, 0);
    }
    return NEXT(ftruncate64)(fd, length);
}

int mkdir(const char *path, mode_t mode) {
    if (below(path) && step(-1, NULL, 0)) {
        return full();
    }
    return NEXT(mkdir)(path, mode);
}

/* open and open64 are one where files' sizes have 64 bits anyway. */
static int opened(const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) && below(path) && step(-1, NULL, 0) && access(path, F_OK) != 0) {
        return full();
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define MODE(flags)                      \
    mode_t mode = 0;                     \
    if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                    \
        va_start(rest, flags);           \
        mode = va_arg(rest, mode_t);     \
        va_end(rest);                    \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    return opened(path, flags | O_LARGEFILE, mode);
}
