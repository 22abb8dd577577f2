/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_STATUS_H
#define WARREN_CLI_STATUS_H

/*
 * How a guest can end, as the exit status of `warren run`. Scripts depend on these numbers:
 * docs/launcher.md lists them, tests/cli checks them.
 */
enum wr_status {
	WR_STATUS_OK = 0,	/* the guest powered off */
	WR_STATUS_ERROR = 1,	/* it could not be set up */
	WR_STATUS_USAGE = 2,	/* the command line is wrong */
	WR_STATUS_REBOOT = 3,	/* the guest asked for a reset */
	WR_STATUS_CRASH = 4,	/* triple fault, panic, or the host cannot run it on */
	WR_STATUS_ESCAPE = 5,	/* the user left by the escape key */
	WR_STATUS_TIMEOUT = 6,	/* --timeout ran out */
};

#endif
