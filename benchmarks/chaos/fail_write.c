/* Fails the n-th write or sync on the files of one folder, like a broken or full disk. Preloaded into the process that
   writes the database: the service for SQLite, the cluster for PostgreSQL. Calls are counted in shared memory over that
   process and all processes that it forks.

   FAIL_FOLDER   path prefix of the files
   FAIL_PLAN     file that arms the library: "n errno once|on"; n counts from the arming, "on" fails every call from the
                 n-th
   FAIL_LOG      log of the failed calls */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, PLAN_BYTES = 64 };

struct shared {
  atomic_long calls;
  atomic_int armed;
  long fail_at;
  int fail_errno, fail_on;
};

static struct shared *shared;

/* Runs before main and therefore before any fork. */
__attribute__((constructor)) static void share(void) {
  void *memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) shared = memory;
}

static int is_armed(void) {
  char plan[PLAN_BYTES] = {0}, how[PLAN_BYTES] = {0};
  const char *path = getenv("FAIL_PLAN");
  long fail_at;
  int fail_errno;
  if (!shared) return 0;
  if (atomic_load(&shared->armed)) return 1;
  int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
  if (file < 0) return 0;
  ssize_t got = syscall(SYS_read, file, plan, PLAN_BYTES - 1);
  syscall(SYS_close, file);
  if (got <= 0 || sscanf(plan, "%ld %d %63s", &fail_at, &fail_errno, how) != 3) return 0;
  /* Processes that read the plan concurrently store the same values. */
  shared->fail_at = fail_at;
  shared->fail_errno = fail_errno;
  shared->fail_on = strcmp(how, "on") == 0;
  atomic_store(&shared->armed, 1);
  return 1;
}

static int is_ours(int fd) {
  char link[PLAN_BYTES], path[PATH_BYTES];
  const char *folder = getenv("FAIL_FOLDER");
  if (!folder) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

static void note(const char *name, long number) {
  char line[PLAN_BYTES];
  const char *path = getenv("FAIL_LOG");
  int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  if (file < 0) return;
  int length = snprintf(line, sizeof line, "%ld %s\n", number, name);
  syscall(SYS_write, file, line, length);
  syscall(SYS_close, file);
}

static int fails(int fd, const char *name, int is_sync) {
  if (!is_ours(fd) || !is_armed()) return 0;
  long number = atomic_fetch_add(&shared->calls, 1) + 1;
  /* A full disk fails writes, but not syncs. */
  if (shared->fail_on ? number < shared->fail_at || (is_sync && shared->fail_errno == ENOSPC)
                      : number != shared->fail_at)
    return 0;
  note(name, number);
  errno = shared->fail_errno;
  return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
  return fails(fd, "write", 0) ? -1 : NEXT(write)(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return fails(fd, "pwrite", 0) ? -1 : NEXT(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  return fails(fd, "pwrite", 0) ? -1 : NEXT(pwrite64)(fd, data, size, at);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return fails(fd, "writev", 0) ? -1 : NEXT(writev)(fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  return fails(fd, "pwritev", 0) ? -1 : NEXT(pwritev)(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  return fails(fd, "pwritev", 0) ? -1 : NEXT(pwritev64)(fd, parts, count, at);
}
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags) {
  return fails(fd, "pwritev", 0) ? -1 : NEXT(pwritev2)(fd, parts, count, at, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t at, int flags) {
  return fails(fd, "pwritev", 0) ? -1 : NEXT(pwritev64v2)(fd, parts, count, at, flags);
}
int fsync(int fd) { return fails(fd, "fsync", 1) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails(fd, "fdatasync", 1) ? -1 : NEXT(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return fails(fd, "ftruncate", 0) ? -1 : NEXT(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails(fd, "ftruncate", 0) ? -1 : NEXT(ftruncate64)(fd, size); }
/* These two return the error instead of setting errno. */
int posix_fallocate(int fd, off_t at, off_t size) {
  return fails(fd, "fallocate", 0) ? errno : NEXT(posix_fallocate)(fd, at, size);
}
int posix_fallocate64(int fd, off64_t at, off64_t size) {
  return fails(fd, "fallocate", 0) ? errno : NEXT(posix_fallocate64)(fd, at, size);
}
