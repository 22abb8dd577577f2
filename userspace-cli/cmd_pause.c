// SPDX-License-Identifier: GPL-2.0-only
/* warren pause */
#include "cmd.h"
#include "manage.h"

static int act(struct wr_netlink *link, const struct wr_guest *guest)
{
	return wr_netlink_pause(link, guest->id);
}

int wr_cmd_pause(int argc, char **argv)
{
	static const struct wr_act pause = {
		.argp_doc = "Stop guests until `warren resume`."
			    "\vIt is done in the kernel: it works whatever program runs the VM. "
			    "That program goes on, but none of the guest's CPUs runs.\n\n"
			    WR_STATUS_DOC,
		.act = act,
		.done = "paused",
	};

	return wr_act_main(&pause, argc, argv);
}
