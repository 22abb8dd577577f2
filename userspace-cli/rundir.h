/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_RUNDIR_H
#define WARREN_CLI_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where control sockets lie: a directory per user that nobody else can write to. For root it is
 * /run/warren; for others the first that can be used of $XDG_RUNTIME_DIR/warren,
 * /run/user/UID/warren and /tmp/warren-UID. $WARREN_RUNTIME_DIR comes before all of them.
 * Sockets in it are called vm-ID.sock or, without an id, pid-PID.sock.
 */

#define WR_RUNDIRS 4
#define WR_SOCKET_NAME 32

/**
 * wr_rundir_path() - a place where a user's sockets may lie
 * @uid: the user
 * @index: 0 to WR_RUNDIRS - 1, best first
 * @path: filled in
 * @size: of @path
 *
 * Return: whether there is such a place.
 */
bool wr_rundir_path(unsigned int uid, unsigned int index, char *path, size_t size);

/**
 * wr_rundir_make() - open the caller's own directory, made if need be
 * @path: filled in with its name, for messages
 * @size: of @path
 *
 * Return: fd, or -1 with errno.
 */
int wr_rundir_make(char *path, size_t size);

/**
 * wr_rundir_open() - open a user's directory if it is there and only that user can write to it
 * @uid: the user
 * @path: of it
 *
 * Return: fd, or -1 with errno.
 */
int wr_rundir_open(unsigned int uid, const char *path);

/**
 * wr_rundir_connect() - connect to a socket
 * @dir: fd of the directory
 * @name: of the socket
 *
 * Does not wait: where the launcher takes no more connections that is EAGAIN.
 * Return: fd, or -1 with errno. ECONNREFUSED: nobody is there any more.
 */
int wr_rundir_connect(int dir, const char *name);

/**
 * wr_rundir_listen() - make a socket, which others find only when it listens
 * @dir: fd of the directory
 * @name: of the socket; one of that name which nobody listens on is replaced
 *
 * Return: fd, or -1 with errno. EADDRINUSE: somebody does listen there.
 */
int wr_rundir_listen(int dir, const char *name);

/**
 * wr_rundir_each() - do something with each socket; sockets that launchers left behind are removed
 * @dir: fd of the directory
 * @visit: called with a connection, which is its own, and the socket's name; true ends the search
 * @arg: its argument
 *
 * Return: whether @visit ended it.
 */
bool wr_rundir_each(int dir, bool (*visit)(void *arg, int fd, const char *name), void *arg);

#endif
