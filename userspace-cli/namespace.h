/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_NAMESPACE_H
#define WARREN_CLI_NAMESPACE_H

/**
 * wr_namespace_alias() - have one name in /dev stand for another device, in this process and those it starts
 * @device: path of the device
 * @name: what else it is to be called, "/dev/..." without directories below that
 *
 * The process gets a mount namespace of its own, and a user namespace if it may not have that
 * otherwise: it keeps its user and group ids, and its capabilities end with exec(). What is
 * plugged in later does not appear in a /dev that had to be copied because @name is not in it.
 *
 * Return: 0, or -1 after an error message.
 */
int wr_namespace_alias(const char *device, const char *name);

#endif
