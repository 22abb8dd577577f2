// SPDX-License-Identifier: GPL-2.0-only
/* A mount namespace in which a device has another name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespace.h"
#include "util.h"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* The first number in a file of /proc/sys, or @otherwise. */
static long read_setting(const char *path, long otherwise)
{
	FILE *file = fopen(path, "re");
	long value = otherwise;

	if (!file)
		return otherwise;
	if (fscanf(file, "%ld", &value) != 1)
		value = otherwise;
	fclose(file);
	return value;
}

static int no_user_namespace(int error)
{
	wr_error("cannot make a user namespace: %s", strerror(error));
	if (!read_setting("/proc/sys/kernel/unprivileged_userns_clone", 1))
		wr_hint("they are turned off: sudo sysctl kernel.unprivileged_userns_clone=1; or run this as root");
	else if (!read_setting("/proc/sys/user/max_user_namespaces", 1))
		wr_hint("none is allowed: sudo sysctl user.max_user_namespaces=1000; or run this as root");
	else if (read_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		wr_hint("AppArmor forbids it: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0; or run this as root");
	else
		wr_hint("is this a container that forbids it? Allow it there, or run this as root");
	return -1;
}

/* Ids of others show as nobody's; groups that the process is in still open files to it. */
static int keep_ids(unsigned int uid, unsigned int gid)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	if (write_file("/proc/self/setgroups", "deny") || write_file("/proc/self/uid_map", map))
		return -1;
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return write_file("/proc/self/gid_map", map);
}

static int enter(void)
{
	unsigned int uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWNS)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			return no_user_namespace(errno);
		if (keep_ids(uid, gid))
			return no_user_namespace(errno);
	}
	/* Nothing that is mounted here may appear outside; what is mounted outside later shall appear here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return wr_error("cannot keep mounts apart: %s", strerror(errno));
	return 0;
}

static int bind(const char *from, const char *to, unsigned long flags)
{
	if (!mount(from, to, NULL, MS_BIND | flags, NULL))
		return 0;
	return wr_error("cannot mount %s at %s: %s", from, to, strerror(errno));
}

static int copy_link(int old, int new, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(old, name, target, sizeof(target) - 1);

	if (len < 0)
		return -1;
	target[len] = '\0';
	return symlinkat(target, new, name);
}

static int make_mount_point(int new, const char *name, mode_t mode)
{
	int fd;

	if (S_ISDIR(mode))
		return mkdirat(new, name, 0755);
	fd = openat(new, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* What is under a mount can still be reached by a file that was opened before. */
static int copy_entry(int old, int new, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;

	if (fstatat(old, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -1;	/* unplugged just now */
	if (S_ISLNK(st.st_mode))
		return copy_link(old, new, name);
	if (make_mount_point(new, name, st.st_mode))
		return -1;
	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", old, name);
	snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", new, name);
	if (!mount(from, to, NULL, MS_BIND | MS_REC, NULL) || errno == ENOENT)
		return 0;
	return -1;
}

static int copy_entries(DIR *old, int new)
{
	struct dirent *entry;

	while ((entry = readdir(old))) {
		const char *name = entry->d_name;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (copy_entry(dirfd(old), new, name))
			return wr_error("cannot copy /dev/%s: %s", name, strerror(errno));
	}
	return 0;
}

/*
 * A /dev with the same devices in which names can be made: the real one must not change, and only
 * root may change it.
 */
static int copy_dev(void)
{
	DIR *old = opendir("/dev");
	int new, error;

	if (!old)
		return wr_error("cannot open /dev: %s", strerror(errno));
	if (mount("warren", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755")) {
		wr_error("cannot mount a copy of /dev: %s", strerror(errno));
		wr_hint("give it an empty file to mount on: sudo touch /dev/kvm");
		closedir(old);
		return -1;
	}
	new = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = new < 0 ? wr_error("cannot open /dev: %s", strerror(errno)) : copy_entries(old, new);
	closedir(old);
	if (new >= 0)
		close(new);
	return error;
}

static int make_name(const char *name)
{
	int fd;

	if (copy_dev())
		return -1;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return wr_error("cannot make %s: %s", name, strerror(errno));
	close(fd);
	return 0;
}

int wr_namespace_alias(const char *device, const char *name)
{
	struct stat st;

	if (enter())
		return -1;
	if (stat(name, &st) && make_name(name))
		return -1;
	return bind(device, name, 0);
}
