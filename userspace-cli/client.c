// SPDX-License-Identifier: GPL-2.0-only
/* Finds the control socket of a VM, and asks its launcher for things. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "config.h"
#include "follow.h"
#include "lookup.h"
#include "netlink.h"
#include "rundir.h"
#include "status.h"
#include "util.h"

#define ANSWER_MS 5000
#define OWN_NAME 24

int wr_client_wait(struct wr_client *client, struct wr_frame *frame, int timeout_ms)
{
	uint64_t deadline = wr_now() + (uint64_t)timeout_ms;

	for (;;) {
		struct pollfd pollfd = { .fd = client->link.fd, .events = POLLIN };
		int left = wr_left(deadline, -1);

		if (wr_link_next(&client->link, frame))
			return 1;
		if (client->link.dead)
			return -1;
		if (client->link.out_len)
			pollfd.events |= POLLOUT;
		if (left == 0 || poll(&pollfd, 1, left) == 0)
			return 0;
		wr_link_flush(&client->link);
		if (pollfd.revents & (POLLIN | POLLHUP | POLLERR))
			wr_link_read(&client->link);
	}
}

static void set_label(struct wr_client *client)
{
	const struct wr_hello *hello = &client->hello;
	const char *kind = hello->id ? "VM" : "the VM of process";

	snprintf(client->label, sizeof(client->label), "%s %u%s%s%s", kind,
		 hello->id ? hello->id : hello->pid, *hello->name ? " (" : "", hello->name,
		 *hello->name ? ")" : "");
}

/* A socket in a user's directory may be a link to anybody's: the user's own launcher only. */
static bool trusted(struct wr_client *client)
{
	unsigned int uid;

	return wr_link_peer(&client->link, &uid, &client->pid) && uid == client->uid;
}

static bool take_hello(struct wr_client *client, const struct wr_frame *frame)
{
	if (frame->type != WR_FRAME_HELLO || frame->len != sizeof(client->hello))
		return false;
	memcpy(&client->hello, frame->data, sizeof(client->hello));
	client->hello.name[WR_NAME_SIZE - 1] = '\0';
	/* It comes to a terminal. */
	if (!wr_config_is_name(client->hello.name))
		client->hello.name[0] = '\0';
	set_label(client);
	return client->hello.version == WR_LINK_VERSION;
}

/* Says hello. Return: 0, or -1 without a message: the launcher does not answer, or otherwise. */
static int greet(struct wr_client *client, int fd)
{
	const struct wr_hello hello = { .version = WR_LINK_VERSION };
	struct wr_frame frame;

	wr_link_open(&client->link, fd);
	if (trusted(client)) {
		wr_link_put(&client->link, WR_FRAME_HELLO, &hello, sizeof(hello));
		if (wr_client_wait(client, &frame, ANSWER_MS) == 1 && take_hello(client, &frame))
			return 0;
	}
	wr_link_close(&client->link);
	return -1;
}

struct search {
	struct wr_client *client;
	const char *name;		/* of the VM */
};

static bool visit(void *arg, int fd, const char *socket)
{
	const struct search *search = arg;

	(void)socket;
	if (greet(search->client, fd))
		return false;
	if (!strcmp(search->client->hello.name, search->name))
		return true;
	wr_link_close(&search->client->link);
	return false;
}

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Sockets are named by ids; by a VM's name they are found only by asking. */
static bool socket_name(const char *who, char name[WR_SOCKET_NAME])
{
	int len;

	if (all_digits(who))
		len = snprintf(name, WR_SOCKET_NAME, "vm-%s.sock", who);
	else if (!strncmp(who, "pid-", 4) && all_digits(who + 4))
		len = snprintf(name, WR_SOCKET_NAME, "%s.sock", who);
	else
		return false;
	return len < WR_SOCKET_NAME;
}

/* As the launcher that is behind a socket calls itself: the socket may be a link to another one of the same user. */
static void own_name(const struct wr_hello *hello, char who[OWN_NAME])
{
	snprintf(who, OWN_NAME, "%s%u", hello->id ? "" : "pid-", hello->id ? hello->id : hello->pid);
}

enum look { NOT_THERE, FOUND, MUTE };

static enum look look_at_socket(struct wr_client *client, int dir, const char *name, const char *who)
{
	int fd = wr_rundir_connect(dir, name);
	char own[OWN_NAME];

	if (fd < 0 && errno == ECONNREFUSED)
		unlinkat(dir, name, 0);
	if (fd < 0)
		return errno == EAGAIN ? MUTE : NOT_THERE;
	if (greet(client, fd))
		return MUTE;
	own_name(&client->hello, own);
	if (!strcmp(own, who))
		return FOUND;
	wr_link_close(&client->link);
	return MUTE;
}

static enum look look_in(struct wr_client *client, int dir, const char *who)
{
	struct search search = { .client = client, .name = who };
	char name[WR_SOCKET_NAME];
	enum look look = NOT_THERE;

	if (socket_name(who, name))
		look = look_at_socket(client, dir, name, who);
	/* No VM has a name of digits: there is no need to ask each. */
	if (look != NOT_THERE || all_digits(who))
		return look;
	return wr_rundir_each(dir, visit, &search) ? FOUND : NOT_THERE;
}

static enum look look_at_user(struct wr_client *client, unsigned int uid, const char *who)
{
	enum look look = NOT_THERE;
	char path[256];
	unsigned int i;
	int dir;

	client->uid = uid;
	for (i = 0; i < WR_RUNDIRS && look == NOT_THERE; i++) {
		if (!wr_rundir_path(uid, i, path, sizeof(path)))
			continue;
		dir = wr_rundir_open(uid, path);
		if (dir < 0)
			continue;
		look = look_in(client, dir, who);
		close(dir);
	}
	return look;
}

static int mute(const char *who)
{
	wr_error("the launcher of VM %s does not answer", who);
	wr_hint("is it stopped (Ctrl-z), or of another version? `warren ps` shows its process");
	return WR_STATUS_ERROR;
}

static int no_socket(const struct wr_guest *vm)
{
	wr_error("VM %u has no control socket: it is not one of `warren run`, or its directory is out of reach",
		 vm->id);
	wr_hint("process %u runs it; `warren pause %u` and `warren kill %u` work on every VM",
		vm->pid, vm->id, vm->id);
	return WR_STATUS_ERROR;
}

/* It is not one of ours: the kernel knows whose it is, if we may know. */
static int ask_kernel(struct wr_client *client, const char *who)
{
	struct wr_guest vm;
	char id[16];
	struct wr_netlink link;
	int status = wr_netlink_open(&link);

	if (status)
		return status;
	status = wr_lookup(&link, who, &vm);
	wr_netlink_close(&link);
	if (status)
		return status;
	snprintf(id, sizeof(id), "%u", vm.id);
	switch (look_at_user(client, vm.uid, id)) {
	case FOUND:
		return 0;
	case MUTE:
		return mute(who);
	default:
		return no_socket(&vm);
	}
}

int wr_client_open(struct wr_client *client, const char *who)
{
	enum look look;

	client->ended = 0;
	look = look_at_user(client, geteuid(), who);
	if (look == MUTE)
		return mute(who);
	return look == FOUND ? 0 : ask_kernel(client, who);
}

int wr_client_reopen(struct wr_client *client)
{
	enum look look = MUTE;
	char who[OWN_NAME];
	int tries;

	wr_link_close(&client->link);
	own_name(&client->hello, who);
	/* Twice: it may end just while it is asked. */
	for (tries = 0; tries < 2 && look == MUTE; tries++)
		look = look_at_user(client, client->uid, who);
	if (look == MUTE)
		return mute(who);
	return look == FOUND ? 0 : WR_CLIENT_ENDED;
}

static int refused(const struct wr_client *client, const struct wr_frame *frame)
{
	char text[WR_FRAME_MAX + 1];
	size_t i;

	for (i = 0; i < frame->len; i++)
		text[i] = isprint(frame->data[i]) ? (char)frame->data[i] : '?';
	text[i] = '\0';
	return wr_error("%s: %s", client->label, text);
}

bool wr_client_ended(struct wr_client *client, const struct wr_frame *frame)
{
	if (frame->type != WR_FRAME_ENDED)
		return false;
	if (frame->len == sizeof(client->ended))
		memcpy(&client->ended, frame->data, sizeof(client->ended));
	return true;
}

int wr_client_ask(struct wr_client *client, enum wr_frame_type type)
{
	struct wr_frame frame;
	int n;

	wr_link_put(&client->link, type, NULL, 0);
	do {
		n = wr_client_wait(client, &frame, ANSWER_MS);
	} while (n == 1 && frame.type == WR_FRAME_OUTPUT);
	if (n < 0)
		return WR_CLIENT_HUNG_UP;
	if (n && frame.type == WR_FRAME_DONE)
		return 0;
	if (n && wr_client_ended(client, &frame))
		return WR_CLIENT_ENDED;
	if (n && frame.type == WR_FRAME_ERROR)
		return refused(client, &frame);
	return wr_error("the launcher of %s does not answer", client->label);
}
