/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_CONTROL_H
#define WARREN_CLI_CONTROL_H

#include <poll.h>

#include "link.h"
#include "rundir.h"
#include "stop.h"
#include "transcript.h"

#define WR_CONTROL_CLIENTS 8
#define WR_CONTROL_FDS (1 + WR_CONTROL_CLIENTS)

/**
 * struct wr_control_client - one connection
 * @link: of it; no fd: free
 * @number: counts connections: the lowest is the oldest
 * @greeted: it has said hello
 * @attached: it has the console
 * @at: how far in the transcript it is, if @attached
 */
struct wr_control_client {
	struct wr_link link;
	unsigned int number;
	bool greeted;
	bool attached;
	uint64_t at;
};

/**
 * struct wr_control - the launcher's side of the control socket; only the main thread uses it
 * @dir: fd of the directory with the socket, -1: there is no socket
 * @fd: listens
 * @deaf: accept() failed: do not try again before something else happens
 * @forced: a client wants the end now
 * @name: of the socket
 * @hello: what is told to clients
 * @stop: ends the machine
 * @transcript: the guest's output
 * @power_button: a client pressed it
 * @arg: its argument
 * @number: of connections so far
 * @clients: all of them
 */
struct wr_control {
	int dir;
	int fd;
	bool deaf;
	bool forced;
	char name[WR_SOCKET_NAME];
	struct wr_hello hello;
	struct wr_stop *stop;
	struct wr_transcript *transcript;
	void (*power_button)(void *arg);
	void *arg;
	unsigned int number;
	struct wr_control_client clients[WR_CONTROL_CLIENTS];
};

/**
 * wr_control_open() - make the socket; before any thread starts
 * @control: @stop, @transcript, @power_button, @arg set, all else 0
 * @id: of the VM, 0: it has none
 * @name: of the VM, or NULL
 *
 * Return: 0, or -1 after an error message.
 */
int wr_control_open(struct wr_control *control, uint32_t id, const char *name);

/**
 * wr_control_poll() - what to wait for
 * @control: open
 * @fds: WR_CONTROL_FDS, filled in
 */
void wr_control_poll(const struct wr_control *control, struct pollfd *fds);

/**
 * wr_control_serve() - do what clients ask for; does not block
 * @control: open
 * @fds: as poll() left them
 */
void wr_control_serve(struct wr_control *control, const struct pollfd *fds);

/**
 * wr_control_close() - tell clients how it ended, and remove the socket
 * @control: open, or not
 * @status: exit status that is told
 *
 * Gives those who are attached a moment to take the last of the output.
 */
void wr_control_close(struct wr_control *control, int status);

#endif
