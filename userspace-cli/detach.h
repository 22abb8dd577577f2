/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_DETACH_H
#define WARREN_CLI_DETACH_H

/**
 * wr_detach_begin() - go on in a process of its own session, without a terminal
 * @log: file that output and messages are appended to, or NULL: nowhere
 *
 * The caller's process waits for wr_detach_ready(), or for the end of the new one, and exits as
 * that does: this returns in the new one only. Until then messages go where they always went.
 *
 * Return: 0, or -1 after an error message.
 */
int wr_detach_begin(const char *log);

/**
 * wr_detach_ready() - let the caller's process end with status 0
 * @id: it prints this
 */
void wr_detach_ready(const char *id);

/**
 * wr_notify_ready() - tell the service manager, if one started us and waits for it
 */
void wr_notify_ready(void);

#endif
