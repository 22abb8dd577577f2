// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket of a running machine. Clients are not trusted to be sane: each has its own
 * fixed buffers, nothing waits for one, and when all places are taken the oldest makes room.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"
#include "control.h"
#include "follow.h"
#include "util.h"

#define FAREWELL_MS 300

static void no_clients(struct wr_control *control)
{
	size_t i;

	for (i = 0; i < WR_CONTROL_CLIENTS; i++)
		control->clients[i].link.fd = -1;
}

int wr_control_open(struct wr_control *control, uint32_t id, const char *name)
{
	char path[256];

	control->fd = -1;
	no_clients(control);
	control->hello = (struct wr_hello){
		.version = WR_LINK_VERSION, .id = id, .pid = (uint32_t)getpid() };
	snprintf(control->hello.name, sizeof(control->hello.name), "%s", name ? name : "");
	if (id)
		snprintf(control->name, sizeof(control->name), "vm-%u.sock", id);
	else
		snprintf(control->name, sizeof(control->name), "pid-%u.sock", control->hello.pid);
	control->dir = wr_rundir_make(path, sizeof(path));
	if (control->dir < 0)
		return wr_error("cannot make a control socket in %s: %s", path, strerror(errno));
	control->fd = wr_rundir_listen(control->dir, control->name);
	if (control->fd >= 0)
		return 0;
	wr_error("cannot make the control socket %s/%s: %s", path, control->name, strerror(errno));
	close(control->dir);
	control->dir = -1;
	return -1;
}

static void drop(struct wr_control_client *client)
{
	wr_link_close(&client->link);
	client->greeted = false;
	client->attached = false;
}

/* A free place; if there is none, that of the oldest who has not got the console. */
static struct wr_control_client *make_room(struct wr_control *control)
{
	struct wr_control_client *client, *oldest = NULL;

	for (client = control->clients; client < control->clients + WR_CONTROL_CLIENTS; client++) {
		if (client->link.fd < 0)
			return client;
		if (!client->attached && (!oldest || client->number < oldest->number))
			oldest = client;
	}
	drop(oldest);
	return oldest;
}

static bool may_speak(const struct wr_link *link)
{
	unsigned int uid, pid;

	return wr_link_peer(link, &uid, &pid) && (uid == 0 || uid == geteuid());
}

static void take_connection(struct wr_control *control)
{
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct wr_control_client *client;

	if (fd < 0) {
		control->deaf = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
		return;
	}
	client = make_room(control);
	wr_link_open(&client->link, fd);
	client->number = control->number++;
	if (!may_speak(&client->link))
		drop(client);
}

/* A client that asks without reading the answers is dropped. */
static void answer(struct wr_control_client *client, enum wr_frame_type type, const void *data,
		   size_t len)
{
	if (!wr_link_put(&client->link, type, data, len))
		client->link.dead = true;
}

static void refuse(struct wr_control_client *client, const char *why)
{
	answer(client, WR_FRAME_ERROR, why, strlen(why));
}

static void greet(struct wr_control *control, struct wr_control_client *client,
		  const struct wr_frame *frame)
{
	uint32_t version = 0;

	if (frame->type != WR_FRAME_HELLO || frame->len != sizeof(struct wr_hello)) {
		client->link.dead = true;
		return;
	}
	memcpy(&version, frame->data, sizeof(version));
	answer(client, WR_FRAME_HELLO, &control->hello, sizeof(control->hello));
	client->greeted = version == WR_LINK_VERSION;
	/* It has been told the version that is spoken here. */
	if (!client->greeted)
		client->link.dead = true;
}

static void attach(struct wr_control *control, struct wr_control_client *client)
{
	size_t i;

	for (i = 0; i < WR_CONTROL_CLIENTS; i++) {
		if (control->clients[i].attached) {
			refuse(client, "somebody else is attached to the console");
			return;
		}
	}
	client->attached = true;
	client->at = wr_transcript_recent(control->transcript);
	answer(client, WR_FRAME_DONE, NULL, 0);
}

static void obey(struct wr_control *control, struct wr_control_client *client,
		 const struct wr_frame *frame)
{
	switch (frame->type) {
	case WR_FRAME_ATTACH:
		attach(control, client);
		break;
	case WR_FRAME_INPUT:
		if (client->attached)
			wr_console_type(frame->data, frame->len);
		else
			refuse(client, "attach to the console first");
		break;
	case WR_FRAME_POWER_BUTTON:
		control->power_button(control->arg);
		answer(client, WR_FRAME_DONE, NULL, 0);
		break;
	case WR_FRAME_FORCE:
		control->forced = true;
		wr_stop_request(control->stop, WR_STOP_ESCAPE, 0, NULL);
		answer(client, WR_FRAME_DONE, NULL, 0);
		break;
	default:
		refuse(client, "there is no such request");
	}
}

/* Input waits where the guest does not take it: in the client's socket, in the end. */
static bool listens_to(const struct wr_control_client *client)
{
	return !client->attached || wr_console_type_room() >= WR_FRAME_MAX;
}

static void take_requests(struct wr_control *control, struct wr_control_client *client)
{
	struct wr_frame frame;

	while (!client->link.dead && listens_to(client) && wr_link_next(&client->link, &frame)) {
		if (client->greeted)
			obey(control, client, &frame);
		else
			greet(control, client, &frame);
	}
}

/* Not before all that was sent has been taken: what is to be sent next stays in the transcript. */
static void send_output(struct wr_control *control, struct wr_control_client *client)
{
	uint8_t buf[WR_FRAME_MAX];
	char note[80];
	uint64_t lost;
	size_t n;

	while (client->attached && !client->link.dead && !client->link.out_len) {
		n = wr_transcript_take(control->transcript, &client->at, buf, sizeof(buf), &lost);
		if (!n)
			return;
		if (lost) {
			snprintf(note, sizeof(note), "\r\nwarren: %llu bytes of output were lost\r\n",
				 (unsigned long long)lost);
			answer(client, WR_FRAME_OUTPUT, note, strlen(note));
		}
		answer(client, WR_FRAME_OUTPUT, buf, n);
	}
}

static void serve_client(struct wr_control *control, struct wr_control_client *client,
			 const struct pollfd *pollfd)
{
	if (pollfd->fd == client->link.fd && pollfd->revents & (POLLIN | POLLHUP | POLLERR)) {
		if (pollfd->events & POLLIN)
			wr_link_read(&client->link);
		else
			client->link.dead = true;
	}
	wr_link_flush(&client->link);
	take_requests(control, client);
	send_output(control, client);
	if (client->link.dead)
		drop(client);
}

void wr_control_poll(const struct wr_control *control, struct pollfd *fds)
{
	size_t i;

	fds[0] = (struct pollfd){ .fd = control->deaf ? -1 : control->fd, .events = POLLIN };
	for (i = 0; i < WR_CONTROL_CLIENTS; i++) {
		const struct wr_control_client *client = &control->clients[i];

		fds[1 + i] = (struct pollfd){
			.fd = client->link.fd,
			.events = (short)((listens_to(client) ? POLLIN : 0) |
					  (client->link.out_len ? POLLOUT : 0)),
		};
	}
}

void wr_control_serve(struct wr_control *control, const struct pollfd *fds)
{
	size_t i;

	control->deaf = false;
	for (i = 0; i < WR_CONTROL_CLIENTS; i++)
		if (control->clients[i].link.fd >= 0)
			serve_client(control, &control->clients[i], &fds[1 + i]);
	if (fds[0].revents)
		take_connection(control);
}

/* Whether there is nothing more to be sent to a client. */
static bool bid_farewell(struct wr_control *control, struct wr_control_client *client, int status)
{
	const uint32_t value = (uint32_t)status;

	wr_link_flush(&client->link);
	send_output(control, client);
	if (client->link.dead)
		return true;
	if (client->link.out_len)
		return false;
	if (!client->greeted)
		return true;
	client->greeted = false;
	wr_link_put(&client->link, WR_FRAME_ENDED, &value, sizeof(value));
	return !client->link.out_len;
}

static void say_goodbye(struct wr_control *control, int status)
{
	uint64_t deadline = wr_deadline(FAREWELL_MS);
	struct pollfd fds[WR_CONTROL_CLIENTS];
	bool all = false;
	size_t i;

	while (!all && wr_left(deadline, -1)) {
		all = true;
		for (i = 0; i < WR_CONTROL_CLIENTS; i++) {
			struct wr_control_client *client = &control->clients[i];
			bool done = client->link.fd < 0 || bid_farewell(control, client, status);

			fds[i] = (struct pollfd){ .fd = done ? -1 : client->link.fd, .events = POLLOUT };
			all = all && done;
		}
		if (!all)
			poll(fds, WR_CONTROL_CLIENTS, 20);
	}
}

void wr_control_close(struct wr_control *control, int status)
{
	size_t i;

	if (control->dir < 0 || control->fd < 0)
		return;
	unlinkat(control->dir, control->name, 0);
	say_goodbye(control, status);
	for (i = 0; i < WR_CONTROL_CLIENTS; i++)
		drop(&control->clients[i]);
	close(control->fd);
	close(control->dir);
	control->fd = -1;
	control->dir = -1;
}
