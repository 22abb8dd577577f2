// SPDX-License-Identifier: GPL-2.0-only
/* warren exec: a program that wants /dev/kvm gets Warren. */
#include <argp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "namespace.h"
#include "util.h"
#include "vm.h"

/* As env, nohup and timeout have them: below are the command's own. */
enum { CANNOT = 125, CANNOT_RUN = 126, NOT_FOUND = 127 };

enum { OPT_DEVICE = 'd' };

struct request {
	const char *device;
	char **command;
};

static const struct argp_option options[] = {
	{ "device", OPT_DEVICE, "PATH", 0, "hypervisor device (default: " WR_DEVICE_DEFAULT ")", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case OPT_DEVICE:
		request->device = arg;
		return 0;
	case ARGP_KEY_ARG:
		/* All that follows is the command's. */
		request->command = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command? warren exec -- qemu-system-x86_64 -accel kvm ...");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[--] COMMAND [ARGUMENT...]",
	.doc = "Run a command for which /dev/kvm is /dev/warren: a virtual machine monitor that knows KVM"
	       " only then runs its guests on Warren. Nobody else sees the difference.\v"
	       "Works for root, and for those who may open /dev/warren where users may make namespaces;"
	       " their command cannot use sudo.\n\n"
	       "Exit status: that of the command, or\n"
	       "  125  warren failed, or wrong usage\n"
	       "  126  the command cannot be run\n"
	       "  127  there is no such command",
};

/* Says what is wrong with the device before a program that knows less about it would. */
static int check_device(const char *device)
{
	struct wr_vm vm;
	int error = wr_vm_open(&vm, device);

	wr_vm_close(&vm);
	return error;
}

static int run(char **command)
{
	int error;

	execvp(command[0], command);
	error = errno;
	wr_error("cannot run %s: %s", command[0], strerror(error));
	return error == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

int wr_cmd_exec(int argc, char **argv)
{
	struct request request = { .device = WR_DEVICE_DEFAULT };

	argp_err_exit_status = CANNOT;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &request))
		return CANNOT;
	if (check_device(request.device) || wr_namespace_alias(request.device, "/dev/kvm"))
		return CANNOT;
	return run(request.command);
}
