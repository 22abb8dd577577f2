/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_CLIENT_H
#define WARREN_CLI_CLIENT_H

#include "link.h"

/* A command's side of the control socket of a VM. */

/**
 * struct wr_client - a connection to a launcher
 * @link: open
 * @uid: whose launcher it is
 * @pid: of the launcher, as the kernel says
 * @hello: what the launcher said; it may be another user's, and hostile
 * @label: the VM in messages: "VM 7 (web)"
 * @ended: exit status of the launcher, if it has told
 */
struct wr_client {
	struct wr_link link;
	unsigned int uid;
	unsigned int pid;
	struct wr_hello hello;
	char label[WR_NAME_SIZE + 32];
	uint32_t ended;
};

/* How a request may end, besides success and an error that has been told. */
#define WR_CLIENT_ENDED (-2)		/* the machine has ended */
#define WR_CLIENT_HUNG_UP (-3)		/* the launcher closed the connection, to make room or because it ends */

/**
 * wr_client_open() - connect to the launcher of a VM
 * @client: filled in; wr_link_close() of its link must follow if that succeeds
 * @who: the VM's id or name, or what `warren run --detach` printed
 *
 * Return: 0, or an exit status after an error message.
 */
int wr_client_open(struct wr_client *client, const char *who);

/**
 * wr_client_reopen() - connect again, to the same VM, after the launcher closed the connection
 * @client: was open
 *
 * Return: 0; WR_CLIENT_ENDED if it is not there any more; -1 after an error message.
 */
int wr_client_reopen(struct wr_client *client);

/**
 * wr_client_wait() - wait for a frame
 * @client: open
 * @frame: filled in
 * @timeout_ms: how long
 *
 * Return: 1; 0 if none came; -1 if the launcher has gone.
 */
int wr_client_wait(struct wr_client *client, struct wr_frame *frame, int timeout_ms);

/**
 * wr_client_ended() - whether a frame says that the machine has ended
 * @client: open; @ended is set if so
 * @frame: that came
 */
bool wr_client_ended(struct wr_client *client, const struct wr_frame *frame);

/**
 * wr_client_ask() - send a request and wait until it is done
 * @client: open
 * @type: the request, which has no data
 *
 * Return: 0, or -1 after an error message; without one WR_CLIENT_ENDED or WR_CLIENT_HUNG_UP.
 */
int wr_client_ask(struct wr_client *client, enum wr_frame_type type);

#endif
