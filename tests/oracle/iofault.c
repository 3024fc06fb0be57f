/* Makes one file call of a process fail, for faults.py: LD_PRELOAD=iofault.so
 *   IOF_DIR    only files below this directory
 *   IOF_CALL   write, fsync, rename or open; fsync stands for fdatasync too, open for opening to write
 *   IOF_NTH    which of these calls, from 1; a negative number: that one and all after it
 *   IOF_ERRNO  what it fails with
 *   IOF_SHORT  a write puts down half of its bytes first
 * Build: cc -shared -fPIC -O1 -o iofault.so iofault.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int count;

static int below(const char *path) {
    const char *dir = getenv("IOF_DIR");
    char full[2 * PATH_MAX];
    if (!dir || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(full, sizeof full, "%s/%s", here, path);
        path = full;
    }
    return strncmp(path, dir, strlen(dir)) == 0;
}

static int is_below(int fd) {
    char link[64], path[PATH_MAX];
    struct stat st;
    if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

/* Whether this call is the one that fails; errno is then set. */
static int fails(const char *call) {
    const char *wanted = getenv("IOF_CALL"), *nth = getenv("IOF_NTH"), *error = getenv("IOF_ERRNO");
    if (!wanted || strcmp(wanted, call) || !nth) return 0;
    int n = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST), at = atoi(nth);
    if (at > 0 ? n != at : n < -at) return 0;
    errno = error ? atoi(error) : EIO;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t half(int fd, const void *bytes, size_t n) {
    int why = errno;
    if (getenv("IOF_SHORT") && n > 1) return REAL(write)(fd, bytes, n / 2);
    errno = why;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t n) {
    if (is_below(fd) && fails("write")) return half(fd, bytes, n);
    return REAL(write)(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    if (is_below(fd) && fails("write")) return half(fd, parts[0].iov_base, parts[0].iov_len);
    return REAL(writev)(fd, parts, n);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
    if (is_below(fd) && fails("write")) return -1;
    return REAL(pwrite64)(fd, bytes, n, at);
}

int fsync(int fd) { return is_below(fd) && fails("fsync") ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return is_below(fd) && fails("fsync") ? -1 : REAL(fdatasync)(fd); }
int rename(const char *from, const char *to) { return below(from) && fails("rename") ? -1 : REAL(rename)(from, to); }

#define OPEN(name)                                                                        \
    int name(const char *path, int how, ...) {                                            \
        va_list rest;                                                                     \
        va_start(rest, how);                                                              \
        mode_t mode = va_arg(rest, mode_t);                                               \
        va_end(rest);                                                                     \
        if ((how & O_ACCMODE) != O_RDONLY && below(path) && fails("open")) return -1;     \
        return REAL(name)(path, how, mode);                                               \
    }
OPEN(open)
OPEN(open64)

FILE *fopen(const char *path, const char *how) {
    if (how[0] != 'r' && below(path) && fails("open")) return NULL;
    return REAL(fopen)(path, how);
}
