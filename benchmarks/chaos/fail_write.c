/* Fails the n-th write or sync on the files of one folder, as a bad or a full disk would. Preloaded into the server.

   FAIL_FOLDER   path that the files begin with
   FAIL_PLAN     file that arms it: "n errno once|on"; n counts from the arming, "on" fails every one from the n-th
   FAIL_LOG      file that tells which call was failed */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, PLAN_BYTES = 64 };

static atomic_long calls;
static atomic_int armed;
static long fail_at;
static int fail_errno, fail_on;

static int is_armed(void) {
  char plan[PLAN_BYTES] = {0}, how[PLAN_BYTES] = {0};
  const char *path = getenv("FAIL_PLAN");
  if (atomic_load(&armed)) return 1;
  int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
  if (file < 0) return 0;
  ssize_t got = syscall(SYS_read, file, plan, PLAN_BYTES - 1);
  syscall(SYS_close, file);
  if (got <= 0 || sscanf(plan, "%ld %d %63s", &fail_at, &fail_errno, how) != 3) return 0;
  fail_on = strcmp(how, "on") == 0;
  atomic_store(&armed, 1);
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
  long number = atomic_fetch_add(&calls, 1) + 1;
  if (fail_on ? number < fail_at || (is_sync && fail_errno == ENOSPC) : number != fail_at) return 0;
  note(name, number);
  errno = fail_errno;
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
int fsync(int fd) { return fails(fd, "fsync", 1) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails(fd, "fdatasync", 1) ? -1 : NEXT(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return fails(fd, "ftruncate", 0) ? -1 : NEXT(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails(fd, "ftruncate", 0) ? -1 : NEXT(ftruncate64)(fd, size); }
