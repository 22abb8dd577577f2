/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_MANAGE_H
#define WARREN_CLI_MANAGE_H

#include <argp.h>

#include "guests.h"
#include "netlink.h"
#include "table.h"

/* What the commands that manage VMs share. */

/* The end of their --help */
#define WR_STATUS_DOC "Exit status:\n" \
	"  0  done\n" \
	"  1  it failed; the message says why and what to do\n" \
	"  2  wrong usage\n" \
	"  7  there is no such VM, or there are several of that name\n" \
	"  8  the module is not loaded"

/**
 * wr_state_colour() - a VM's state in colour
 * @state: enum warren_vm_state
 *
 * Return: the colour.
 */
enum wr_colour wr_state_colour(uint32_t state);

/**
 * struct wr_act - a command that does one thing to each VM that the user names
 * @argp_doc: its --help
 * @act: does it; the guest is as it was before; returns 0 or, after a message, an exit status
 * @done: JSON's word, and what the user is told: "VM 3 (web) paused"
 */
struct wr_act {
	const char *argp_doc;
	int (*act)(struct wr_netlink *link, const struct wr_guest *guest);
	const char *done;
};

/**
 * wr_act_main() - run such a command
 * @act: the command
 * @argc: as main() gets it
 * @argv: as main() gets it
 *
 * Goes on with the next VM after a failure.
 *
 * Return: exit status; of several failures the first one's.
 */
int wr_act_main(const struct wr_act *act, int argc, char **argv);

/**
 * wr_parse_seconds() - read a number of seconds, with a fraction if need be
 * @state: of argp, for the error message
 * @name: of the option
 * @arg: what the user gave, from 0.01 to 31536000
 *
 * Return: ms; does not return if that is wrong.
 */
unsigned int wr_parse_seconds(struct argp_state *state, const char *name, const char *arg);

/**
 * wr_parse_number() - read a number within bounds
 * @state: of argp, for the error message
 * @name: of the option
 * @arg: what the user gave
 * @min: least
 * @max: most
 *
 * Return: the number; does not return if that is wrong.
 */
unsigned long wr_parse_number(struct argp_state *state, const char *name, const char *arg,
			      unsigned long min, unsigned long max);

#endif
