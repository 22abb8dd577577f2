// SPDX-License-Identifier: GPL-2.0-only
/* A guest without a terminal: in the background, or as a service. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "detach.h"
#include "status.h"
#include "util.h"

static int log_fd = -1;
static int ready_fd = -1;

/* The process that the user started: ends as soon as it is known how the other one does. */
static void wait_for(pid_t child, int fd)
{
	char text[64];
	ssize_t n;
	int status;

	do {
		n = read(fd, text, sizeof(text));
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		printf("%.*s\n", (int)n, text);
		exit(fflush(stdout) ? WR_STATUS_ERROR : WR_STATUS_OK);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int open_log(const char *log)
{
	log_fd = open(log ? log : "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return wr_error("cannot open %s: %s", log ? log : "/dev/null", strerror(errno));
	return 0;
}

static int leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log_fd, STDOUT_FILENO) < 0)
		return wr_error("cannot leave the terminal: %s", strerror(errno));
	close(null);
	setsid();
	return 0;
}

int wr_detach_begin(const char *log)
{
	int fds[2];
	pid_t child;

	if (open_log(log))
		return -1;
	if (pipe2(fds, O_CLOEXEC))
		return wr_error("cannot make a pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return wr_error("cannot start a process: %s", strerror(errno));
	if (child) {
		close(fds[1]);
		wait_for(child, fds[0]);
	}
	close(fds[0]);
	ready_fd = fds[1];
	return leave_terminal();
}

void wr_detach_ready(const char *id)
{
	if (ready_fd < 0)
		return;
	dup2(log_fd, STDERR_FILENO);
	close(log_fd);
	if (write(ready_fd, id, strlen(id)) < 0)
		wr_error("cannot tell who started us: %s", strerror(errno));
	close(ready_fd);
	ready_fd = -1;
}

void wr_notify_ready(void)
{
	static const char text[] = "READY=1\nSTATUS=The guest runs.";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, sizeof(text) - 1, MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		wr_error("cannot tell the service manager: %s", strerror(errno));
	close(fd);
}
