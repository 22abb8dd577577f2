// SPDX-License-Identifier: GPL-2.0-only
/* Directories of control sockets, and the sockets in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rundir.h"

#define BACKLOG 8

static bool print_path(char *path, size_t size, const char *fmt, ...)
	__attribute__((__format__(printf, 3, 4)));

static bool print_path(char *path, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(path, size, fmt, args);
	va_end(args);
	return len > 0 && (size_t)len < size;
}

bool wr_rundir_path(unsigned int uid, unsigned int index, char *path, size_t size)
{
	const char *asked = getenv("WARREN_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	bool own = uid == geteuid();

	switch (index) {
	case 0:
		return own && asked && *asked == '/' && print_path(path, size, "%s", asked);
	case 1:
		return own && uid && xdg && *xdg == '/' && print_path(path, size, "%s/warren", xdg);
	case 2:
		if (!uid)
			return print_path(path, size, "/run/warren");
		return print_path(path, size, "/run/user/%u/warren", uid);
	case 3:
		return uid && print_path(path, size, "/tmp/warren-%u", uid);
	default:
		return false;
	}
}

int wr_rundir_open(unsigned int uid, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && st.st_uid == uid && !(st.st_mode & 0022))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

int wr_rundir_make(char *path, size_t size)
{
	unsigned int i, uid = geteuid();
	int fd, error = ENAMETOOLONG;

	for (i = 0; i < WR_RUNDIRS; i++) {
		if (!wr_rundir_path(uid, i, path, size))
			continue;
		if (mkdir(path, 0700) && errno != EEXIST) {
			error = errno;
			continue;
		}
		fd = wr_rundir_open(uid, path);
		if (fd >= 0)
			return fd;
		error = errno;
	}
	errno = error;
	return -1;
}

/* By the directory's fd: a path of any length fits, and nobody can put another one in its place. */
static bool set_address(struct sockaddr_un *address, int dir, const char *name)
{
	address->sun_family = AF_UNIX;
	if (print_path(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", dir, name))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static int with_socket(int dir, const char *name,
		       int (*call)(int fd, const struct sockaddr *address, socklen_t len))
{
	struct sockaddr_un address;
	int fd, error;

	if (!set_address(&address, dir, name))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !call(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int wr_rundir_connect(int dir, const char *name)
{
	return with_socket(dir, name, connect);
}

static bool answers(int dir, const char *name)
{
	int fd = wr_rundir_connect(dir, name);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EAGAIN;
}

static int bind_and_listen(int fd, const struct sockaddr *address, socklen_t len)
{
	mode_t mask = umask(0177);
	int error = bind(fd, address, len);

	umask(mask);
	return error ? error : listen(fd, BACKLOG);
}

int wr_rundir_listen(int dir, const char *name)
{
	char fresh[WR_SOCKET_NAME + 16];
	int fd;

	if (answers(dir, name)) {
		errno = EADDRINUSE;
		return -1;
	}
	/* Nobody may find it between bind() and listen() and take it for one that was left behind. */
	if (!print_path(fresh, sizeof(fresh), ".%s.%d", name, (int)getpid()))
		return -1;
	unlinkat(dir, fresh, 0);
	fd = with_socket(dir, fresh, bind_and_listen);
	if (fd >= 0 && renameat(dir, fresh, dir, name)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		unlinkat(dir, fresh, 0);
	return fd;
}

static bool is_socket_name(const char *name)
{
	const char *end = strrchr(name, '.');

	return name[0] != '.' && end && !strcmp(end, ".sock") && strlen(name) < WR_SOCKET_NAME;
}

bool wr_rundir_each(int dir, bool (*visit)(void *arg, int fd, const char *name), void *arg)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool found = false;
	int fd;

	if (!list && copy >= 0)
		close(copy);
	while (list && !found && (entry = readdir(list))) {
		if (!is_socket_name(entry->d_name))
			continue;
		fd = wr_rundir_connect(dir, entry->d_name);
		if (fd >= 0)
			found = visit(arg, fd, entry->d_name);
		else if (errno == ECONNREFUSED)
			unlinkat(dir, entry->d_name, 0);
	}
	if (list)
		closedir(list);
	return found;
}
