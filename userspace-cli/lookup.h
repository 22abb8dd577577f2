/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_LOOKUP_H
#define WARREN_CLI_LOOKUP_H

#include "guests.h"
#include "netlink.h"

/**
 * wr_lookup() - find a VM by what the user calls it
 * @link: open
 * @text: id (digits) or name
 * @guest: filled in
 *
 * Return: 0; or after a message WR_STATUS_NO_VM or another status. The caller's own VM of that name comes before others';
 * if several others have it their ids are told and it is WR_STATUS_NO_VM.
 */
int wr_lookup(struct wr_netlink *link, const char *text, struct wr_guest *guest);

/**
 * wr_guest_title() - how a message calls a VM: "VM 3 (web)"
 * @guest: the VM
 * @text: written
 * @size: of @text
 *
 * Return: @text.
 */
char *wr_guest_title(const struct wr_guest *guest, char *text, size_t size);

#endif
