/* A disk that fails on demand: preloaded into a server, it makes calls on files below FAULTS_FOLDER fail as the file
   FAULTS_SWITCH says: "full" (writes: ENOSPC), "broken" (writes and syncs: EIO), "unreadable" (reads: EIO), "slow" (a read
   takes 10 ms), "tight" (writes of anything but a journal, whose room is taken beforehand: ENOSPC). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char fault(int fd) {
    static const char *folder, *lever;
    if (!lever) { folder = getenv("FAULTS_FOLDER"); lever = getenv("FAULTS_SWITCH"); }
    if (!folder || !lever) return 0;
    int saved = errno;
    char kind = 0, link[64], path[4096];
    int file = syscall(SYS_openat, AT_FDCWD, lever, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        syscall(SYS_read, file, &kind, 1);
        syscall(SYS_close, file);
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, path, sizeof path - 1);
        if (len < 0 || strncmp(path, folder, strlen(folder))) kind = 0;
        else if (kind == 't') kind = len > 4 && !strncmp(path + len - 4, ".jnl", 4) ? 0 : 'f';
    }
    errno = saved;
    return kind;
}

static int writes_fail(int fd) {
    char kind = fault(fd);
    if (kind == 'f') return errno = ENOSPC, 1;
    if (kind == 'b') return errno = EIO, 1;
    return 0;
}

static int reads_fail(int fd) {
    char kind = fault(fd);
    if (kind == 's') usleep(10000);
    return kind == 'u' ? (errno = EIO, 1) : 0;
}

static int syncs_fail(int fd) { return fault(fd) == 'b' ? (errno = EIO, 1) : 0; }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t write(int fd, const void *from, size_t n) { return writes_fail(fd) ? -1 : REAL(write)(fd, from, n); }
ssize_t writev(int fd, const struct iovec *v, int n) { return writes_fail(fd) ? -1 : REAL(writev)(fd, v, n); }
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) { return writes_fail(fd) ? -1 : REAL(pwrite64)(fd, from, n, at); }
ssize_t read(int fd, void *to, size_t n) { return reads_fail(fd) ? -1 : REAL(read)(fd, to, n); }
ssize_t pread64(int fd, void *to, size_t n, off64_t at) { return reads_fail(fd) ? -1 : REAL(pread64)(fd, to, n, at); }
int fsync(int fd) { return syncs_fail(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return syncs_fail(fd) ? -1 : REAL(fdatasync)(fd); }
