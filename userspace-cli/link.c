// SPDX-License-Identifier: GPL-2.0-only
/* Frames over a Unix socket, for both ends. Nothing that the other end does makes it wait. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"

void wr_link_open(struct wr_link *link, int fd)
{
	link->fd = fd;
	link->dead = false;
	link->in_len = 0;
	link->taken = 0;
	link->out_len = 0;
}

void wr_link_close(struct wr_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static void forget_taken(struct wr_link *link)
{
	link->in_len -= link->taken;
	memmove(link->in, link->in + link->taken, link->in_len);
	link->taken = 0;
}

void wr_link_read(struct wr_link *link)
{
	ssize_t n;

	forget_taken(link);
	if (link->in_len == sizeof(link->in))
		return;
	n = recv(link->fd, link->in + link->in_len, sizeof(link->in) - link->in_len, MSG_DONTWAIT);
	if (n > 0)
		link->in_len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		link->dead = true;
}

bool wr_link_next(struct wr_link *link, struct wr_frame *frame)
{
	size_t have = link->in_len - link->taken;
	const uint8_t *at = link->in + link->taken;
	struct wr_frame_head head;

	if (have < sizeof(head))
		return false;
	memcpy(&head, at, sizeof(head));
	if (head.len > WR_FRAME_MAX) {
		link->dead = true;
		return false;
	}
	if (have < sizeof(head) + head.len)
		return false;
	*frame = (struct wr_frame){ .type = head.type, .len = head.len, .data = at + sizeof(head) };
	link->taken += sizeof(head) + head.len;
	return true;
}

void wr_link_flush(struct wr_link *link)
{
	ssize_t n;

	if (!link->out_len || link->dead)
		return;
	n = send(link->fd, link->out, link->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		link->out_len -= (size_t)n;
		memmove(link->out, link->out + n, link->out_len);
	} else if (errno != EAGAIN && errno != EINTR) {
		/* What came before is still to be read; after that recv() finds the end. */
		shutdown(link->fd, SHUT_RDWR);
		link->out_len = 0;
	}
}

bool wr_link_put(struct wr_link *link, enum wr_frame_type type, const void *data, size_t len)
{
	const struct wr_frame_head head = { .type = (uint16_t)type, .len = (uint16_t)len };

	if (len > WR_FRAME_MAX || sizeof(link->out) - link->out_len < sizeof(head) + len)
		return false;
	memcpy(link->out + link->out_len, &head, sizeof(head));
	if (len)
		memcpy(link->out + link->out_len + sizeof(head), data, len);
	link->out_len += sizeof(head) + len;
	wr_link_flush(link);
	return true;
}

bool wr_link_peer(const struct wr_link *link, unsigned int *uid, unsigned int *pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(link->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	*uid = cred.uid;
	*pid = (unsigned int)cred.pid;
	return true;
}
