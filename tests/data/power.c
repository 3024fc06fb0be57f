/* A disk that shows what power cuts would leave: preloaded into a server, and while the file FAULTS_SWITCH is there, it links the
   store in FAULTS_FOLDER into FAULTS_CUTS/N whenever the list of a tree's files has changed. All of it is on the disk, but of a
   journal only what was synced: so many bytes as the file NAME.synced beside it says. The thread that writes syncs at once and gets
   ahead of the others: their syncs of journals take SLOWLY, and those of other files wait until nothing was written to a journal
   for REST, both in milliseconds. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MOST_CUTS 60
#define SLOWLY 300
#define REST 50

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct { long written, synced; } journals[1000];
static volatile long last_write;

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* What an open file is called in the store; NULL: it is not there. */
static const char *name_of(int fd, char path[4096]) {
    const char *folder = getenv("FAULTS_FOLDER");
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, 4095);
    if (!folder || len < 0) return NULL;
    path[len] = 0;
    size_t top = strlen(folder);
    return !strncmp(path, folder, top) && path[top] == '/' ? path + top + 1 : NULL;
}

/* A journal is called by its number; -1: it is none. */
static int journal(const char *name) {
    int number, end = 0;
    return name && sscanf(name, "%3d.jnl%n", &number, &end) == 1 && end && !name[end] ? number : -1;
}

static int is_writer(void) {
    char thread[16] = "";
    pthread_getname_np(pthread_self(), thread, sizeof thread);
    return !strcmp(thread, "store-write");
}

static void be_slow(int is_journal) {
    if (is_journal) usleep(SLOWLY * 1000);
    else while (now() - last_write < REST) usleep(5000);
}

static void link_all(const char *from, const char *to) {
    DIR *folder = opendir(from);
    if (!folder) return;
    mkdir(to, 0755);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char old[5000], new[5000];
        if (entry->d_name[0] == '.') continue;
        snprintf(old, sizeof old, "%s/%s", from, entry->d_name);
        snprintf(new, sizeof new, "%s/%s", to, entry->d_name);
        /* A folder cannot be linked. */
        if (link(old, new)) link_all(old, new);
        else if (journal(entry->d_name) >= 0) {
            FILE *length = fopen(strcat(new, ".synced"), "w");
            if (!length) abort();
            fprintf(length, "%ld", journals[journal(entry->d_name)].synced);
            fclose(length);
        }
    }
    closedir(folder);
}

/* A tree's folder is synced when its file `current` is new, which names the list. */
static void cut(const char *tree, const char *name) {
    static ino_t last;
    static int cuts;
    char path[5000];
    struct stat current;
    int number, end = 0;
    snprintf(path, sizeof path, "%s/current", tree);
    if (sscanf(name, "keyspaces/%d%n", &number, &end) != 1 || name[end] || stat(path, &current)) return;
    if (current.st_ino == last || cuts == MOST_CUTS) return;
    last = current.st_ino;
    mkdir(getenv("FAULTS_CUTS"), 0755);
    snprintf(path, sizeof path, "%s/%d", getenv("FAULTS_CUTS"), cuts++);
    link_all(getenv("FAULTS_FOLDER"), path);
}

static int sync_of(int fd, int (*real)(int)) {
    char path[4096];
    const char *name = name_of(fd, path);
    if (!name) return real(fd);
    int number = journal(name), shown = !access(getenv("FAULTS_SWITCH"), F_OK);
    pthread_mutex_lock(&turn);
    long written = number < 0 ? 0 : journals[number].written;
    if (shown) cut(path, name);
    pthread_mutex_unlock(&turn);
    if (shown && !is_writer()) be_slow(number >= 0);
    pthread_mutex_lock(&turn);
    if (number >= 0 && journals[number].synced < written) journals[number].synced = written;
    pthread_mutex_unlock(&turn);
    return 0;
}

ssize_t write(int fd, const void *from, size_t n) {
    char path[4096];
    int number = journal(name_of(fd, path));
    if (number < 0) return REAL(write)(fd, from, n);
    pthread_mutex_lock(&turn);
    ssize_t written = REAL(write)(fd, from, n);
    if (written > 0) journals[number].written += written;
    last_write = now();
    pthread_mutex_unlock(&turn);
    return written;
}

int unlink(const char *path) {
    pthread_mutex_lock(&turn);
    int outcome = REAL(unlink)(path);
    pthread_mutex_unlock(&turn);
    return outcome;
}

int fsync(int fd) { return sync_of(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_of(fd, REAL(fdatasync)); }
