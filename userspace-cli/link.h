/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_LINK_H
#define WARREN_CLI_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The control socket of a running VM: a Unix stream socket, on which both sides send frames of a
 * head and at most WR_FRAME_MAX bytes. All numbers are the machine's own: both ends are on it.
 *
 * A client begins with WR_FRAME_HELLO and its struct wr_hello, of which only the version counts; the
 * launcher answers with its own. Then each request is answered by WR_FRAME_DONE or WR_FRAME_ERROR,
 * in order. When the machine has ended the launcher sends WR_FRAME_ENDED and closes.
 */
#define WR_LINK_VERSION 1
#define WR_FRAME_MAX 2048
#define WR_NAME_SIZE 64		/* with the final zero, as WARREN_NAME_SIZE */

enum wr_frame_type {
	WR_FRAME_HELLO = 1,	/* both ways: struct wr_hello */
	WR_FRAME_DONE,		/* launcher: the request is done */
	WR_FRAME_ERROR,		/* launcher: it is not; text for people */
	WR_FRAME_ENDED,		/* launcher: the machine has ended; exit status as uint32_t */
	WR_FRAME_OUTPUT,	/* launcher: the guest's output */
	WR_FRAME_ATTACH,	/* client: give me the console. One may have it at a time */
	WR_FRAME_INPUT,		/* client, attached: what was typed; not answered */
	WR_FRAME_POWER_BUTTON,	/* client: press it */
	WR_FRAME_FORCE,		/* client: end the guest as if its power were cut */
};

struct wr_frame_head {
	uint16_t type;
	uint16_t len;
};

/**
 * struct wr_hello - who speaks
 * @version: WR_LINK_VERSION
 * @id: of the VM, 0: it has none (/dev/kvm)
 * @pid: of the launcher
 * @name: of the VM, or empty
 */
struct wr_hello {
	uint32_t version;
	uint32_t id;
	uint32_t pid;
	char name[WR_NAME_SIZE];
};

/**
 * struct wr_frame - a frame that came
 * @type: enum wr_frame_type, or anything else: the other side may be hostile
 * @len: of @data
 * @data: valid until the next wr_link_next() or wr_link_read()
 */
struct wr_frame {
	unsigned int type;
	size_t len;
	const uint8_t *data;
};

/**
 * struct wr_link - one end of a connection; it never blocks
 * @fd: the socket, -1: none
 * @dead: nothing will come or go any more: close it
 * @in: received, not yet taken, @in_len bytes, of which the first @taken are taken
 * @out: to be sent, @out_len bytes
 */
struct wr_link {
	int fd;
	bool dead;
	size_t in_len, taken, out_len;
	uint8_t in[2 * (WR_FRAME_MAX + sizeof(struct wr_frame_head))];
	uint8_t out[2 * (WR_FRAME_MAX + sizeof(struct wr_frame_head))];
};

/**
 * wr_link_open() - begin
 * @link: filled in
 * @fd: connected socket; the link's own from now on
 */
void wr_link_open(struct wr_link *link, int fd);

/**
 * wr_link_close() - end
 * @link: open or closed
 */
void wr_link_close(struct wr_link *link);

/**
 * wr_link_read() - receive what is there; @dead afterwards if the other side has gone
 * @link: open
 */
void wr_link_read(struct wr_link *link);

/**
 * wr_link_next() - take the next frame
 * @link: open
 * @frame: filled in
 *
 * Return: whether there was a whole one. @dead if what came is no frame.
 */
bool wr_link_next(struct wr_link *link, struct wr_frame *frame);

/**
 * wr_link_put() - send a frame, as far as that is possible now
 * @link: open
 * @type: enum wr_frame_type
 * @data: @len bytes, may be NULL if none
 * @len: at most WR_FRAME_MAX
 *
 * Return: whether there was room for it; if not, it is not sent.
 */
bool wr_link_put(struct wr_link *link, enum wr_frame_type type, const void *data, size_t len);

/**
 * wr_link_flush() - send what waits
 * @link: open
 *
 * If it cannot be sent it is thrown away; wr_link_read() finds the end once all that came before has been read.
 */
void wr_link_flush(struct wr_link *link);

/**
 * wr_link_peer() - who is at the other end
 * @link: open
 * @uid: filled in
 * @pid: filled in
 *
 * Return: whether the kernel told.
 */
bool wr_link_peer(const struct wr_link *link, unsigned int *uid, unsigned int *pid);

#endif
