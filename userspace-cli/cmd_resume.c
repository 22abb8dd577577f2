// SPDX-License-Identifier: GPL-2.0-only
/* warren resume */
#include "cmd.h"
#include "manage.h"

static int act(struct wr_netlink *link, const struct wr_guest *guest)
{
	return wr_netlink_resume(link, guest->id);
}

int wr_cmd_resume(int argc, char **argv)
{
	static const struct wr_act resume = {
		.argp_doc = "Let guests run on that `warren pause` stopped."
			    "\vA guest that uses kvmclock is told that it was stopped: its "
			    "watchdogs do not complain.\n\n" WR_STATUS_DOC,
		.act = act,
		.done = "resumed",
	};

	return wr_act_main(&resume, argc, argv);
}
