// SPDX-License-Identifier: GPL-2.0-only
/* Clients of the control socket: which launcher they take for the right one, and what they take for the end of a machine. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "cmd.h"
#include "control.h"
#include "follow.h"
#include "status.h"
#include "unit.h"
#include "unit_fake.h"
#include "util.h"

#define OTHER_USER 1000

static char directory[] = "/tmp/warren-unit.XXXXXX";

/* Returns the directory of sockets; the kernel knows nothing about VMs. */
static int begin(void)
{
	char path[200];
	int dir;

	EXPECT(mkdtemp(directory));
	setenv("WARREN_RUNTIME_DIR", directory, 1);
	dir = wr_rundir_make(path, sizeof(path));
	EXPECT(dir >= 0);
	wr_transport = &fake_transport;
	fake.open = -ENOENT;
	return dir;
}

static void end(int dir)
{
	close(dir);
	EXPECT_EQ(rmdir(directory), 0);
}

/* --- launchers in another process; each step is a connection */

/**
 * struct step - what a launcher does with a connection
 * @hello: what it says
 * @answers: it answers the request, and says that the machine has ended; else it hangs up
 * @status: with which it has ended
 */
struct step {
	struct wr_hello hello;
	bool answers;
	uint32_t status;
};

static void take(struct wr_link *link, struct wr_frame *frame)
{
	int tries;

	for (tries = 0; tries < 3 && !wr_link_next(link, frame) && !link->dead; tries++) {
		poll(&(struct pollfd){ .fd = link->fd, .events = POLLIN }, 1, 1000);
		wr_link_read(link);
	}
}

static bool serve_step(int fd, const struct step *step)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct wr_frame frame;
	struct wr_link link;

	if (poll(&pollfd, 1, 2000) != 1)
		return false;
	wr_link_open(&link, accept(fd, NULL, NULL));
	take(&link, &frame);
	wr_link_put(&link, WR_FRAME_HELLO, &step->hello, sizeof(step->hello));
	take(&link, &frame);
	if (step->answers) {
		wr_link_put(&link, WR_FRAME_DONE, NULL, 0);
		wr_link_put(&link, WR_FRAME_ENDED, &step->status, sizeof(step->status));
	}
	wr_link_close(&link);
	return true;
}

/* Returns the process, which ends with 0 if there was a client for each step; then its socket is left behind. */
static pid_t launcher(int dir, const char *name, const struct step *steps, size_t count)
{
	int fd = wr_rundir_listen(dir, name);
	bool served = true;
	pid_t child;
	size_t i;

	EXPECT(fd >= 0);
	child = fork();
	if (child) {
		close(fd);
		return child;
	}
	for (i = 0; i < count && served; i++)
		served = serve_step(fd, &steps[i]);
	_exit(!served);
}

static bool all_served(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && status == 0;
}

/* --- which launcher it is */

static const struct wr_hello nine = { .version = WR_LINK_VERSION, .id = 9 };
static const struct wr_hello seven = { .version = WR_LINK_VERSION, .id = 7 };

/* A socket, or a link to one, whose launcher says that its VM is another one. */
static void another_vm(void)
{
	const struct step steps[] = { { .hello = seven }, { .hello = seven } };
	struct wr_client client;
	int dir = begin();
	pid_t child = launcher(dir, "vm-7.sock", steps, ARRAY_SIZE(steps));

	EXPECT_EQ(symlinkat("vm-7.sock", dir, "vm-9.sock"), 0);
	EXPECT_EQ(wr_client_open(&client, "9"), WR_STATUS_ERROR);
	EXPECT_EQ(wr_client_open(&client, "7"), 0);
	wr_link_close(&client.link);
	EXPECT(all_served(child));
	unlinkat(dir, "vm-9.sock", 0);
	/* Left behind: removed by who finds it. */
	EXPECT_EQ(wr_client_open(&client, "7"), WR_STATUS_NO_MODULE);
	end(dir);
}

/* A user's directory, in it a link to a socket of root's. */
static void another_user(void)
{
	const struct step step = { .hello = nine };
	struct wr_client client;
	int dir;
	pid_t child;

	if (geteuid())
		return;
	dir = begin();
	child = launcher(dir, "vm-9.sock", &step, 1);
	EXPECT_EQ(fchown(dir, OTHER_USER, OTHER_USER), 0);
	EXPECT_EQ(fchownat(dir, "vm-9.sock", OTHER_USER, OTHER_USER, 0), 0);
	EXPECT_EQ(seteuid(OTHER_USER), 0);
	EXPECT_EQ(wr_client_open(&client, "9"), WR_STATUS_ERROR);
	EXPECT_EQ(seteuid(0), 0);
	EXPECT(all_served(child));
	unlinkat(dir, "vm-9.sock", 0);
	end(dir);
}

/* An id is found by its socket: others that do not answer are not asked. */
static void others_are_mute(void)
{
	struct wr_client client;
	int dir = begin(), fd = wr_rundir_listen(dir, "vm-1.sock");
	uint64_t before = wr_now();

	EXPECT_EQ(wr_client_open(&client, "9"), WR_STATUS_NO_MODULE);
	EXPECT(wr_now() - before < 2000);
	close(fd);
	unlinkat(dir, "vm-1.sock", 0);
	end(dir);
}

/* --- the end */

/* What came before the other side went is there still, also when something was sent after that. */
static void last_words(void)
{
	struct wr_link here, there;
	struct wr_frame frame;
	uint32_t status = 3;
	int fds[2];

	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	wr_link_open(&here, fds[0]);
	wr_link_open(&there, fds[1]);
	EXPECT(wr_link_put(&there, WR_FRAME_ENDED, &status, sizeof(status)));
	wr_link_close(&there);
	EXPECT(wr_link_put(&here, WR_FRAME_POWER_BUTTON, NULL, 0));
	EXPECT(!here.dead);
	EXPECT_EQ(here.out_len, 0);
	wr_link_read(&here);
	EXPECT(wr_link_next(&here, &frame) && frame.type == WR_FRAME_ENDED);
	wr_link_read(&here);
	EXPECT(here.dead);
	wr_link_close(&here);
}

/* Runs warren stop on a launcher that behaves like that; @expect is its status. */
static void stop_at(const struct step *steps, size_t count, int expect)
{
	char *argv[] = { "warren stop", "--timeout", "2", "9", NULL };
	int dir = begin();
	pid_t child = launcher(dir, "vm-9.sock", steps, count);

	EXPECT_EQ(wr_cmd_stop(4, argv), expect);
	EXPECT(all_served(child));
	unlinkat(dir, "vm-9.sock", 0);
	end(dir);
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
}

/* A connection that is closed says nothing about the machine. */
static void hang_up(void)
{
	const struct wr_hello newer = { .version = WR_LINK_VERSION + 1, .id = 9 };

	stop_at((struct step[]){ { nine, true, 0 } }, 1, WR_STATUS_OK);
	stop_at((struct step[]){ { nine, false, 0 }, { nine, true, 0 } }, 2, WR_STATUS_OK);
	stop_at((struct step[]){ { nine, false, 0 }, { newer, true, 0 }, { newer, true, 0 } }, 3, WR_STATUS_ERROR);
	/* It has gone: so has its machine. */
	stop_at((struct step[]){ { nine, false, 0 } }, 1, WR_STATUS_OK);
}

const struct unit_test unit_client[] = {
	{ "client: another VM's launcher", another_vm },
	{ "client: another user's launcher", another_user },
	{ "client: others that are mute", others_are_mute },
	{ "client: last words", last_words },
	{ "client: a launcher that hangs up", hang_up },
	{ NULL, NULL },
};

/* --- a launcher for scripts */

#define LINES 60		/* each 100 ms */

static struct wr_transcript transcript;
static struct wr_stop stop = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct wr_control control;

static void press(void *arg)
{
	(void)arg;
	wr_stop_request(&stop, WR_STOP_POWEROFF, 0, NULL);
}

static void print_much(void)
{
	static const char line[] = "more than a terminal takes that nobody looks at, in a lot of lines\r\n";
	size_t i;

	for (i = 0; i < LINES * (sizeof(line) - 1); i++)
		wr_transcript_put(&transcript, (uint8_t)line[i % (sizeof(line) - 1)]);
}

static void serve_forever(void)
{
	struct pollfd fds[WR_CONTROL_FDS];

	while (wr_stop_reason(&stop) == WR_STOP_NONE) {
		print_much();
		wr_control_poll(&control, fds);
		poll(fds, WR_CONTROL_FDS, 100);
		wr_control_serve(&control, fds);
	}
}

int unit_launcher(int status)
{
	stop.wake_fd = eventfd(0, EFD_NONBLOCK);
	wr_transcript_init(&transcript, stop.wake_fd);
	control.stop = &stop;
	control.transcript = &transcript;
	control.power_button = press;
	if (wr_control_open(&control, 9, "web"))
		return 1;
	serve_forever();
	wr_control_close(&control, status);
	return 0;
}
