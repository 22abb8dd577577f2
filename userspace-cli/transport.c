// SPDX-License-Identifier: GPL-2.0-only
/* The way to the kernel: libnl for messages, the device for trace rings. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "follow.h"
#include "netlink.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* An answer being received. */
struct answer {
	struct wr_netlink *link;
	wr_netlink_handler handler;
	void *context;
	bool listens;
	bool disturbed;
	bool done;
	int error;
};

static int to_errno(int nl_error)
{
	switch (-nl_error) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	case NLE_AGAIN:
		return 0;
	default:
		return -EIO;
	}
}

static int libnl_open(struct wr_netlink *link)
{
	struct nl_sock *sock = nl_socket_alloc();
	int error, on = 1;

	if (!sock)
		return -ENOMEM;
	error = genl_connect(sock);
	if (error)
		goto err_free_sock;
	/* Words with errors; without them the number must do. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	error = genl_ctrl_resolve(sock, WARREN_GENL_NAME);
	if (error < 0)
		goto err_free_sock;
	link->family = error;
	link->private = sock;
	return 0;

err_free_sock:
	nl_socket_free(sock);
	return to_errno(error);
}

static void libnl_close(struct wr_netlink *link)
{
	nl_socket_free(link->private);
}

/* The kernel's words are attributes after what they are about. */
static void take_extack(struct wr_netlink *link, const struct nlmsghdr *header, size_t skip)
{
	const char *payload = nlmsg_data(header);
	int left = nlmsg_datalen(header) - (int)NLMSG_ALIGN(skip);
	struct nlattr *words;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || left <= 0)
		return;
	words = nla_find((struct nlattr *)(payload + NLMSG_ALIGN(skip)), left, NLMSGERR_ATTR_MSG);
	if (words)
		nla_strlcpy(link->extack, words, sizeof(link->extack));
}

static int on_valid(struct nl_msg *message, void *context)
{
	struct answer *answer = context;

	if (answer->handler && !answer->error)
		answer->error = answer->handler(nlmsg_hdr(message), answer->context);
	return NL_OK;
}

static int on_disturbed(struct nl_msg *message __attribute__((unused)), void *context)
{
	struct answer *answer = context;

	answer->disturbed = true;
	return NL_OK;
}

static int on_ack(struct nl_msg *message __attribute__((unused)), void *context)
{
	struct answer *answer = context;

	answer->done = true;
	return NL_STOP;
}

/* The end of a dump has its error in it. */
static int on_finish(struct nl_msg *message, void *context)
{
	const struct nlmsghdr *header = nlmsg_hdr(message);
	struct answer *answer = context;
	int error;

	answer->done = true;
	if (nlmsg_datalen(header) < (int)sizeof(error))
		return NL_STOP;
	memcpy(&error, nlmsg_data(header), sizeof(error));
	take_extack(answer->link, header, sizeof(error));
	if (error < 0 && !answer->error)
		answer->error = error;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from __attribute__((unused)), struct nlmsgerr *error,
		    void *context)
{
	/* libnl gives the payload; the header that it follows has the flags. */
	const struct nlmsghdr *header = (void *)((char *)error - NLMSG_HDRLEN);
	struct answer *answer = context;
	size_t skip = sizeof(*error);

	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	take_extack(answer->link, header, skip);
	answer->done = true;
	answer->error = error->error;
	return NL_STOP;
}

/* Events have no number; one that comes before the answer is before the time that was asked for. */
static int on_number(struct nl_msg *message, void *context)
{
	const struct answer *answer = context;

	return answer->listens || nlmsg_hdr(message)->nlmsg_seq ? NL_OK : NL_SKIP;
}

static struct nl_cb *callbacks(struct answer *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, answer);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_number, answer);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_disturbed, answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, answer);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, answer);
	return cb;
}

static int libnl_request(struct wr_netlink *link, struct nl_msg *message,
			 wr_netlink_handler handler, void *context)
{
	struct answer answer = { .link = link, .handler = handler, .context = context };
	struct nl_cb *cb = callbacks(&answer);
	int error;

	if (!cb)
		return -ENOMEM;
	error = nl_send_auto(link->private, message);
	while (error >= 0 && !answer.done) {
		error = nl_recvmsgs(link->private, cb);
		/* An error that the kernel answered with is both: its number is the truer one. */
		if (answer.done)
			error = 0;
	}
	nl_cb_put(cb);
	if (error < 0)
		return to_errno(error);
	if (!answer.error && answer.disturbed)
		return -EAGAIN;
	return answer.error;
}

static int libnl_receive(struct wr_netlink *link, int timeout, wr_netlink_handler handler,
			 void *context)
{
	struct answer answer = {
		.link = link, .handler = handler, .context = context, .listens = true,
	};
	struct nl_cb *cb;
	int error = wr_follow_wait(nl_socket_get_fd(link->private), timeout);

	if (error <= 0)
		return error ? -errno : 0;
	cb = callbacks(&answer);
	if (!cb)
		return -ENOMEM;
	error = nl_recvmsgs(link->private, cb);
	nl_cb_put(cb);
	/* No room for an event: the kernel counts it and tells in the next message. */
	if (error == -NLE_NOMEM)
		return 0;
	return error < 0 && !answer.done ? to_errno(error) : answer.error;
}

static int device_trace(const char *device, struct warren_trace_open *request)
{
	int fd, ring, error;

	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ring = ioctl(fd, WARREN_TRACE_OPEN, request);
	error = ring < 0 ? -errno : 0;
	close(fd);
	return error ? error : ring;
}

static const struct wr_transport libnl = {
	.open = libnl_open,
	.close = libnl_close,
	.request = libnl_request,
	.receive = libnl_receive,
	.trace = device_trace,
};

const struct wr_transport *wr_transport = &libnl;
