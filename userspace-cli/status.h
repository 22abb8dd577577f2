/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_STATUS_H
#define WARREN_CLI_STATUS_H

/*
 * How commands end, as their exit status; 3 to 6 tell how a guest of `warren run` did. Scripts depend on these numbers:
 * docs/launcher.md and docs/cli.md list them, tests/cli checks them.
 */
enum wr_status {
	WR_STATUS_OK = 0,	/* the guest powered off */
	WR_STATUS_ERROR = 1,	/* it could not be set up */
	WR_STATUS_USAGE = 2,	/* the command line is wrong */
	WR_STATUS_REBOOT = 3,	/* the guest asked for a reset */
	WR_STATUS_CRASH = 4,	/* triple fault, panic, or the host cannot run it on */
	WR_STATUS_ESCAPE = 5,	/* the user left by the escape key */
	WR_STATUS_TIMEOUT = 6,	/* --timeout ran out */
	WR_STATUS_NO_VM = 7,	/* there is no such VM, or there are several of that name */
	WR_STATUS_NO_MODULE = 8,	/* the module is not loaded */
};

#endif
