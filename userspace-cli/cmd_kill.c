// SPDX-License-Identifier: GPL-2.0-only
/* warren kill */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd.h"
#include "lookup.h"
#include "manage.h"
#include "status.h"
#include "util.h"

#define END_MS 5000

/* A VM goes, and its name is free, when its process has ended, which takes a while where there is much memory. */
static int wait_for_end(const struct wr_guest *guest, int pidfd)
{
	struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };

	if (poll(&pollfd, 1, END_MS) > 0)
		return 0;
	wr_error("process %u of VM %u was killed and has not ended within %d s", guest->pid, guest->id, END_MS / 1000);
	wr_hint("does it wait for a device? `ps %u` shows its state", guest->pid);
	return WR_STATUS_ERROR;
}

/*
 * Between the question whose VM it is and the signal the process can end and its number be given to another one. So the
 * process is held first, and then asked for again.
 */
static int kill_held(struct wr_netlink *link, const struct wr_guest *guest, int pidfd)
{
	struct wr_guest now;
	int status = wr_netlink_vm(link, guest->id, &now);

	if (status)
		return status;
	if (now.pid != guest->pid || memcmp(now.uuid, guest->uuid, sizeof(now.uuid))) {
		wr_error("VM %u is another one than a moment ago: nothing was killed", guest->id);
		wr_hint("look at `warren ps`, then try it again");
		return WR_STATUS_NO_VM;
	}
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0)) {
		wr_error("cannot kill process %u of VM %u: %s", guest->pid, guest->id,
			 strerror(errno));
		if (errno == EPERM)
			wr_hint("it is another user's: do it as root");
		return WR_STATUS_ERROR;
	}
	return wait_for_end(guest, pidfd);
}

static int act(struct wr_netlink *link, const struct wr_guest *guest)
{
	int pidfd, status;

	if (!guest->pid) {
		wr_error("the process that made VM %u is gone, or in a PID namespace that is not "
			 "seen from here", guest->id);
		wr_hint("if it is gone another one keeps the VM's files open: end that; else "
			"kill it from its namespace");
		return WR_STATUS_ERROR;
	}
	pidfd = (int)syscall(SYS_pidfd_open, guest->pid, 0);
	if (pidfd < 0) {
		wr_error("cannot get hold of process %u of VM %u: %s", guest->pid, guest->id,
			 strerror(errno));
		wr_hint("`warren ps` tells whether it is still there");
		return WR_STATUS_ERROR;
	}
	status = kill_held(link, guest, pidfd);
	close(pidfd);
	return status;
}

int wr_cmd_kill(int argc, char **argv)
{
	static const struct wr_act kill = {
		.argp_doc = "End virtual machines at once, as if their power were cut."
			    "\vThe process that made the VM gets SIGKILL, and has ended when this returns. `warren stop` is gentler: "
			    "it lets the guest shut down.\n\n" WR_STATUS_DOC,
		.act = act,
		.done = "killed",
	};

	return wr_act_main(&kill, argc, argv);
}
