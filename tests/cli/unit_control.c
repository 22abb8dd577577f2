// SPDX-License-Identifier: GPL-2.0-only
/* The control socket: clients that behave, and clients that do not. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "console.h"
#include "control.h"
#include "status.h"
#include "unit.h"
#include "util.h"

static char directory[] = "/tmp/warren-unit.XXXXXX";
static struct wr_transcript transcript;
static struct wr_stop stop = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct wr_control control;
static unsigned int presses;

static void press(void *arg)
{
	(void)arg;
	presses++;
}

static void start(void)
{
	EXPECT(mkdtemp(directory));
	setenv("WARREN_RUNTIME_DIR", directory, 1);
	stop.wake_fd = eventfd(0, EFD_NONBLOCK);
	wr_transcript_init(&transcript, stop.wake_fd);
	control.stop = &stop;
	control.transcript = &transcript;
	control.power_button = press;
	EXPECT_EQ(wr_control_open(&control, 7, "web"), 0);
}

static void end(void)
{
	wr_control_close(&control, 3);
	EXPECT_EQ(rmdir(directory), 0);		/* nothing is left in it */
}

/* As the main loop does when it wakes up, as long as there is something to do: there must be an end to it. */
static void serve(void)
{
	struct pollfd fds[WR_CONTROL_FDS];
	int i, n = 1;

	for (i = 0; i < 200 && n > 0; i++) {
		wr_control_poll(&control, fds);
		n = poll(fds, WR_CONTROL_FDS, 0);
		wr_control_serve(&control, fds);
	}
}

static int connect_raw(void)
{
	int fd = wr_rundir_connect(control.dir, "vm-7.sock");

	EXPECT(fd >= 0);
	return fd;
}

/* The next frame of a type for a client, or none. */
static bool next(struct wr_link *link, unsigned int type, struct wr_frame *frame)
{
	serve();
	wr_link_read(link);
	return wr_link_next(link, frame) && frame->type == type;
}

static void greet(struct wr_link *link)
{
	const struct wr_hello hello = { .version = WR_LINK_VERSION };
	struct wr_frame frame;
	struct wr_hello answer;

	wr_link_open(link, connect_raw());
	EXPECT(wr_link_put(link, WR_FRAME_HELLO, &hello, sizeof(hello)));
	EXPECT(next(link, WR_FRAME_HELLO, &frame));
	EXPECT_EQ(frame.len, sizeof(answer));
	memcpy(&answer, frame.data, sizeof(answer));
	EXPECT_EQ(answer.id, 7);
	EXPECT_EQ(answer.pid, getpid());
	EXPECT(!strcmp(answer.name, "web"));
}

static void ask(struct wr_link *link, unsigned int type, unsigned int answer)
{
	struct wr_frame frame;

	EXPECT(wr_link_put(link, type, NULL, 0));
	EXPECT(next(link, answer, &frame));
}

/* Somebody else is served, whatever the others do. */
static void all_is_well(void)
{
	struct wr_link link;
	unsigned int before = presses;

	greet(&link);
	ask(&link, WR_FRAME_POWER_BUTTON, WR_FRAME_DONE);
	EXPECT_EQ(presses, before + 1);
	wr_link_close(&link);
	serve();
}

static void print(const char *text, size_t len)
{
	while (len--)
		wr_transcript_put(&transcript, (uint8_t)*text++);
}

static void requests(void)
{
	struct wr_link link;
	struct wr_frame frame;
	uint32_t status = 0;

	start();
	greet(&link);
	ask(&link, WR_FRAME_POWER_BUTTON, WR_FRAME_DONE);
	EXPECT_EQ(presses, 1);
	ask(&link, 99, WR_FRAME_ERROR);
	ask(&link, WR_FRAME_INPUT, WR_FRAME_ERROR);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_NONE);
	ask(&link, WR_FRAME_FORCE, WR_FRAME_DONE);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_ESCAPE);
	EXPECT(control.forced);
	end();
	wr_link_read(&link);
	EXPECT(wr_link_next(&link, &frame) && frame.type == WR_FRAME_ENDED);
	memcpy(&status, frame.data, sizeof(status));
	EXPECT_EQ(status, 3);
	wr_link_close(&link);
}

static void expect_output(struct wr_link *link, const char *text)
{
	struct wr_frame frame;

	EXPECT(next(link, WR_FRAME_OUTPUT, &frame));
	EXPECT_EQ(frame.len, strlen(text));
	EXPECT(frame.len == strlen(text) && !memcmp(frame.data, text, frame.len));
}

static void attaching(void)
{
	struct wr_link first, second;
	uint8_t typed[8];

	start();
	print("before\n", 7);
	greet(&first);
	greet(&second);
	ask(&first, WR_FRAME_ATTACH, WR_FRAME_DONE);
	expect_output(&first, "before\n");
	print("after", 5);
	expect_output(&first, "after");
	ask(&second, WR_FRAME_ATTACH, WR_FRAME_ERROR);
	EXPECT(wr_link_put(&first, WR_FRAME_INPUT, "keys", 4));
	serve();
	EXPECT_EQ(wr_console_take(typed, sizeof(typed)), 4);
	EXPECT(!memcmp(typed, "keys", 4));
	wr_link_close(&first);
	serve();
	ask(&second, WR_FRAME_ATTACH, WR_FRAME_DONE);
	expect_output(&second, "before\nafter");
	print("last", 4);
	wr_control_close(&control, 0);
	expect_output(&second, "last");
	wr_link_close(&second);
	EXPECT_EQ(rmdir(directory), 0);
}

/* More typed than the guest takes: it waits in the socket, and all of it arrives in the end. */
static void typing_ahead(void)
{
	char text[WR_FRAME_MAX];
	struct wr_link link;
	uint8_t typed[64];
	size_t sent = 0, got = 0, round, n, i;

	start();
	greet(&link);
	ask(&link, WR_FRAME_ATTACH, WR_FRAME_DONE);
	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 23);
	while (sent < 100 && wr_link_put(&link, WR_FRAME_INPUT, text, sizeof(text))) {
		sent++;
		serve();
	}
	EXPECT(sent > 2);
	for (round = 0; round < 10000 && got < sent * sizeof(text); round++) {
		serve();
		wr_link_flush(&link);
		n = wr_console_take(typed, sizeof(typed));
		for (i = 0; i < n; i++)
			EXPECT_EQ(typed[i], text[(got + i) % sizeof(text)]);
		got += n;
	}
	EXPECT_EQ(got, sent * sizeof(text));
	wr_link_close(&link);
	serve();
	end();
}

static void expect_sent_away(struct wr_link *link, const struct wr_frame_head *head)
{
	EXPECT_EQ(write(link->fd, head, sizeof(*head)), sizeof(*head));
	serve();
	wr_link_read(link);
	EXPECT(link->dead);
	wr_link_close(link);
}

static void garbage(void)
{
	char noise[3000];
	struct wr_link link;
	struct wr_frame frame;
	unsigned int round;
	size_t i;
	int fd;

	start();
	srandom(1);
	for (round = 0; round < 500; round++) {
		for (i = 0; i < sizeof(noise); i++)
			noise[i] = (char)random();
		fd = connect_raw();
		serve();
		if (write(fd, noise, 1 + (size_t)random() % sizeof(noise)) < 0)
			EXPECT_EQ(errno, EPIPE);
		serve();
		close(fd);
		/* The same from one that has said hello. */
		greet(&link);
		noise[1] = 0;			/* a type, of any length */
		if (write(link.fd, noise, sizeof(noise)) < 0)
			EXPECT_EQ(errno, EPIPE);
		serve();
		wr_link_close(&link);
	}
	serve();
	presses = 0;
	all_is_well();
	/* A frame that cannot be, from one that has said hello, and a request from one that has not. */
	greet(&link);
	expect_sent_away(&link, &(struct wr_frame_head){ .type = 1, .len = WR_FRAME_MAX + 1 });
	wr_link_open(&link, connect_raw());
	expect_sent_away(&link, &(struct wr_frame_head){ .type = WR_FRAME_FORCE });
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_NONE);
	/* Another version is told ours. */
	wr_link_open(&link, connect_raw());
	EXPECT(wr_link_put(&link, WR_FRAME_HELLO, &(struct wr_hello){ .version = 99 },
			   sizeof(struct wr_hello)));
	EXPECT(next(&link, WR_FRAME_HELLO, &frame));
	serve();
	wr_link_read(&link);
	EXPECT(link.dead);
	wr_link_close(&link);
	end();
}

static void half_messages(void)
{
	const struct wr_frame_head head = { .type = WR_FRAME_POWER_BUTTON, .len = 10 };
	struct wr_link half, bytes;
	const uint8_t *at = (const uint8_t *)&(struct wr_frame_head){ .type = WR_FRAME_POWER_BUTTON };
	struct wr_frame frame;
	size_t i;

	start();
	greet(&half);
	EXPECT_EQ(write(half.fd, &head, sizeof(head)), sizeof(head));
	serve();
	greet(&bytes);
	for (i = 0; i < sizeof(head); i++) {
		EXPECT_EQ(presses, 0);
		EXPECT_EQ(write(bytes.fd, at + i, 1), 1);
		serve();
	}
	EXPECT_EQ(presses, 1);
	EXPECT(next(&bytes, WR_FRAME_DONE, &frame));
	all_is_well();
	wr_link_close(&half);
	wr_link_close(&bytes);
	serve();
	end();
}

/* The guest prints for ever, and the one who is attached does not read. */
static void never_reading(void)
{
	static char line[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
	bool told = false;
	struct wr_frame frame;
	struct wr_link link;
	int i;

	start();
	greet(&link);
	ask(&link, WR_FRAME_ATTACH, WR_FRAME_DONE);
	for (i = 0; i < 20000; i++) {
		print(line, sizeof(line) - 1);
		if (i % 100 == 0)
			serve();
	}
	all_is_well();
	/* Now it does, and hears that something is missing. */
	for (i = 0; i < 20000 && !told && !link.dead; i++) {
		serve();
		wr_link_read(&link);
		while (wr_link_next(&link, &frame))
			told = told || memmem(frame.data, frame.len, "output were lost", 16);
	}
	EXPECT(told);
	wr_link_close(&link);
	serve();
	end();
}

/* Asks and asks and never reads an answer: it is sent away, and nothing grows. */
static void asking_for_ever(void)
{
	const struct wr_frame_head head = { .type = 77 };
	struct wr_link link;
	int i;

	start();
	greet(&link);
	for (i = 0; i < 1000000; i++) {
		if (send(link.fd, &head, sizeof(head), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE)
			break;
		if (i % 64 == 0)
			serve();
	}
	EXPECT_EQ(errno, EPIPE);
	wr_link_close(&link);
	all_is_well();
	end();
}

static void flood_of_connections(void)
{
	struct wr_link attached;
	struct wr_frame frame;
	int fds[500];
	size_t i;

	start();
	greet(&attached);
	ask(&attached, WR_FRAME_ATTACH, WR_FRAME_DONE);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = wr_rundir_connect(control.dir, "vm-7.sock");
		if (i % 4 == 0)
			serve();
	}
	serve();
	all_is_well();
	/* The oldest had to go, */
	EXPECT_EQ(recv(fds[0], &frame, 1, MSG_DONTWAIT), 0);
	/* but who has the console keeps it. */
	ask(&attached, WR_FRAME_POWER_BUTTON, WR_FRAME_DONE);
	print("still", 5);
	EXPECT(next(&attached, WR_FRAME_OUTPUT, &frame));
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	wr_link_close(&attached);
	serve();
	end();
}

static bool count(void *arg, int fd, const char *name)
{
	unsigned int *found = arg;

	(void)name;
	close(fd);
	(*found)++;
	return false;
}

static void sockets(void)
{
	char path[200];
	unsigned int found = 0;
	int dir, fd, again;

	EXPECT(mkdtemp(directory));
	setenv("WARREN_RUNTIME_DIR", directory, 1);
	dir = wr_rundir_make(path, sizeof(path));
	EXPECT(dir >= 0);
	EXPECT(!strcmp(path, directory));
	fd = wr_rundir_listen(dir, "vm-1.sock");
	EXPECT(fd >= 0);
	EXPECT_EQ(wr_rundir_listen(dir, "vm-1.sock"), -1);
	EXPECT_EQ(errno, EADDRINUSE);
	/* Left behind by one that was killed: replaced, or removed when somebody looks. */
	close(fd);
	EXPECT_EQ(wr_rundir_connect(dir, "vm-1.sock"), -1);
	EXPECT_EQ(errno, ECONNREFUSED);
	again = wr_rundir_listen(dir, "vm-1.sock");
	EXPECT(again >= 0);
	fd = wr_rundir_listen(dir, "vm-2.sock");
	close(fd);
	wr_rundir_each(dir, count, &found);
	EXPECT_EQ(found, 1);
	EXPECT_EQ(unlinkat(dir, "vm-2.sock", 0), -1);
	EXPECT_EQ(unlinkat(dir, "vm-1.sock", 0), 0);
	close(again);
	/* Where others can write they could put a socket of theirs. */
	EXPECT_EQ(chmod(directory, 0777), 0);
	EXPECT_EQ(wr_rundir_open(geteuid(), directory), -1);
	EXPECT_EQ(chmod(directory, 0700), 0);
	EXPECT_EQ(wr_rundir_open(geteuid() + 1, directory), -1);
	close(dir);
	EXPECT_EQ(rmdir(directory), 0);
}

/* A launcher that answers @len bytes; @expect is what wr_client_open() makes of it. */
static void hostile_launcher(const void *answer, size_t len, int expect)
{
	static struct wr_client client;
	char path[200];
	int dir = wr_rundir_make(path, sizeof(path));
	int fd = wr_rundir_listen(dir, "vm-9.sock");
	pid_t child = fork();

	if (!child) {
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };
		int client_fd;

		poll(&pollfd, 1, 5000);
		client_fd = accept(fd, NULL, NULL);
		_exit(write(client_fd, answer, len) != (ssize_t)len);
	}
	EXPECT_EQ(wr_client_open(&client, "9"), expect);
	if (!expect) {
		EXPECT_EQ(client.pid, getpid());	/* who made the socket, whatever is said */
		EXPECT(!strcmp(client.label, "VM 9"));
		EXPECT_EQ(wr_client_ask(&client, WR_FRAME_ATTACH), -1);
		wr_link_close(&client.link);
	}
	waitpid(child, NULL, 0);
	close(fd);
	unlinkat(dir, "vm-9.sock", 0);
	close(dir);
}

static void hostile_launchers(void)
{
	struct {
		struct wr_frame_head hello_head;
		struct wr_hello hello;
		struct wr_frame_head error_head;
		char error[8];
	} answer = {
		{ .type = WR_FRAME_HELLO, .len = sizeof(struct wr_hello) },
		{ .version = WR_LINK_VERSION, .id = 9, .pid = 1 },
		{ .type = WR_FRAME_ERROR, .len = 8 },
		"\033[31m\n\r\t",
	};
	char noise[3000];

	EXPECT(mkdtemp(directory));
	setenv("WARREN_RUNTIME_DIR", directory, 1);
	memset(noise, 0xff, sizeof(noise));
	hostile_launcher(noise, sizeof(noise), WR_STATUS_ERROR);
	hostile_launcher(noise, 0, WR_STATUS_ERROR);
	memset(noise, 0, sizeof(noise));
	hostile_launcher(noise, sizeof(noise), WR_STATUS_ERROR);
	memset(answer.hello.name, '\033', sizeof(answer.hello.name));
	hostile_launcher(&answer, sizeof(answer), 0);
	answer.hello.version = 99;
	hostile_launcher(&answer, sizeof(answer), WR_STATUS_ERROR);
	EXPECT_EQ(rmdir(directory), 0);
}

static void transcripts(void)
{
	static char text[WR_TRANSCRIPT_SIZE + 10];
	uint8_t buf[8];
	uint64_t at, lost;
	uint64_t wakes = 0;

	stop.wake_fd = eventfd(0, EFD_NONBLOCK);
	wr_transcript_init(&transcript, stop.wake_fd);
	at = wr_transcript_recent(&transcript);
	EXPECT_EQ(wr_transcript_take(&transcript, &at, buf, sizeof(buf), &lost), 0);
	print("ab", 2);
	/* One wake-up for a reader that waits, not one for each byte. */
	EXPECT_EQ(read(stop.wake_fd, &wakes, sizeof(wakes)), sizeof(wakes));
	EXPECT_EQ(wakes, 1);
	EXPECT_EQ(wr_transcript_take(&transcript, &at, buf, 1, &lost), 1);
	EXPECT_EQ(lost, 0);
	print(text, sizeof(text));
	EXPECT_EQ(wr_transcript_take(&transcript, &at, buf, sizeof(buf), &lost), 8);
	EXPECT_EQ(lost, 11);
	print("\nline\n", 6);
	at = wr_transcript_recent(&transcript);
	EXPECT_EQ(wr_transcript_take(&transcript, &at, buf, sizeof(buf), &lost), 5);
	EXPECT(!memcmp(buf, "line\n", 5));
}

const struct unit_test unit_control[] = {
	{ "control: sockets", sockets },
	{ "control: hostile launchers", hostile_launchers },
	{ "control: transcript", transcripts },
	{ "control: requests", requests },
	{ "control: attaching", attaching },
	{ "control: typing ahead", typing_ahead },
	{ "control: garbage", garbage },
	{ "control: half messages", half_messages },
	{ "control: a client that never reads", never_reading },
	{ "control: a client that asks for ever", asking_for_ever },
	{ "control: a flood of connections", flood_of_connections },
	{ NULL, NULL },
};
