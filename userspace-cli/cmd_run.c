// SPDX-License-Identifier: GPL-2.0-only
/* warren run: the command line. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "config.h"
#include "detach.h"
#include "machine.h"
#include "memory.h"
#include "status.h"
#include "util.h"
#include "vm.h"

#define MEMORY_DEFAULT (512 * WR_MIB)
#define CMDLINE_DEFAULT "console=ttyS0"
#define TIMEOUT_MAX 31536000ul

enum run_option {
	OPT_KERNEL = 'k',
	OPT_INITRD = 'i',
	OPT_CMDLINE = 'a',
	OPT_CPUS = 'c',
	OPT_MEMORY = 'm',
	OPT_DEVICE = 'd',
	OPT_TIMEOUT = 0x100,
	OPT_DEBUG_EXIT,
	OPT_NAME,
	OPT_DETACH,
	OPT_LOG,
};

/**
 * struct request - the command line
 * @machine: what it says; NULL or 0 where it does not
 * @name: of the configuration file, or NULL
 * @detach: leave the terminal
 * @log: where to write then, or NULL
 */
struct request {
	struct wr_machine_config machine;
	const char *name;
	bool detach;
	const char *log;
};

static const struct argp_option options[] = {
	{ "kernel", OPT_KERNEL, "FILE", 0, "kernel: a bzImage, or a vmlinux with a PVH entry", 1 },
	{ "initrd", OPT_INITRD, "FILE", 0, "initial RAM disk", 1 },
	{ "cmdline", OPT_CMDLINE, "STRING", 0,
	  "kernel command line (default: " CMDLINE_DEFAULT ")", 1 },
	{ "cpus", OPT_CPUS, "N", 0, "number of virtual CPUs (default: 1)", 2 },
	{ "memory", OPT_MEMORY, "SIZE", 0,
	  "memory in bytes, or with K, M, G or T (default: 512M)", 2 },
	{ "device", OPT_DEVICE, "PATH", 0,
	  "hypervisor device (default: " WR_DEVICE_DEFAULT "); /dev/kvm works too", 2 },
	{ "name", OPT_NAME, "NAME", 0,
	  "name of the virtual machine: letters, digits and . _ -, the first a letter", 3 },
	{ "detach", OPT_DETACH, NULL, 0,
	  "leave the terminal when the guest runs, and print what `warren console` calls it", 3 },
	{ "log", OPT_LOG, "FILE", 0, "with --detach: append the guest's output and messages to it", 3 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "end the guest after so long, with status 6", 3 },
	{ "debug-exit", OPT_DEBUG_EXIT, NULL, 0,
	  "a byte that the guest writes to port 0xf4 ends it and is the exit status", 3 },
	{ 0 },
};

static void set_memory(struct argp_state *state, const char *arg, uint64_t *memory)
{
	const char *wrong = wr_config_memory(arg, memory);

	if (wrong)
		argp_error(state, "--memory %s %s", arg, wrong);
}

static void set_count(struct argp_state *state, const char *name, const char *arg,
		      unsigned long max, unsigned int *count)
{
	unsigned long value;

	if (wr_parse_count(arg, 1, max, &value))
		argp_error(state, "--%s %s is not a number from 1 to %lu", name, arg, max);
	else
		*count = (unsigned int)value;
}

static void set_name(struct argp_state *state, const char *arg, const char **name)
{
	if (!wr_config_is_name(arg))
		argp_error(state, "'%s' is no name: letters, digits and . _ -, the first a letter", arg);
	*name = arg;
}

static void take_name(struct argp_state *state, const char *arg)
{
	struct request *request = state->input;

	if (request->name)
		argp_error(state, "one configuration at a time, '%s' is too many", arg);
	set_name(state, arg, &request->name);
}

static void check(struct argp_state *state, const struct request *request)
{
	if (!request->machine.kernel && !request->name)
		argp_error(state, "--kernel FILE is needed, such as /boot/vmlinuz-*, or the NAME of a configuration");
	if (request->log && !request->detach)
		argp_error(state, "--log goes with --detach");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;
	struct wr_machine_config *config = &request->machine;

	switch (key) {
	case OPT_KERNEL:
		config->kernel = arg;
		return 0;
	case OPT_INITRD:
		config->initrd = arg;
		return 0;
	case OPT_CMDLINE:
		config->cmdline = arg;
		return 0;
	case OPT_CPUS:
		set_count(state, "cpus", arg, WR_CPUS_MAX, &config->cpus);
		return 0;
	case OPT_MEMORY:
		set_memory(state, arg, &config->memory);
		return 0;
	case OPT_DEVICE:
		config->device = arg;
		return 0;
	case OPT_TIMEOUT:
		set_count(state, "timeout", arg, TIMEOUT_MAX, &config->timeout);
		return 0;
	case OPT_DEBUG_EXIT:
		config->debug_exit = true;
		return 0;
	case OPT_NAME:
		set_name(state, arg, &config->name);
		return 0;
	case OPT_DETACH:
		request->detach = true;
		return 0;
	case OPT_LOG:
		request->log = arg;
		return 0;
	case ARGP_KEY_ARG:
		take_name(state, arg);
		return 0;
	case ARGP_KEY_END:
		check(state, request);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME]",
	.doc = "Boot a kernel in a virtual machine, with its serial line on the terminal."
	       "\vNAME is that of a configuration, ~/.config/warren/NAME.conf or " WR_CONFIG_DIR
	       "/NAME.conf; options come before what it says.\n\n"
	       "Keys: Ctrl-a x leaves, Ctrl-a p presses the power button, Ctrl-a h lists them.\n\n"
	       "Exit status:\n"
	       "  0  the guest powered off\n"
	       "  1  it could not be set up\n"
	       "  2  wrong usage, or mistakes in the configuration\n"
	       "  3  the guest asked for a reboot\n"
	       "  4  the guest crashed; its registers are on standard error\n"
	       "  5  left by Ctrl-a x, or its power was cut by `warren stop`\n"
	       "  6  timeout\n"
	       "  128+N  ended by signal N",
};

/* What neither the command line nor a file says. */
static void use_defaults(struct wr_machine_config *machine)
{
	if (!machine->device)
		machine->device = WR_DEVICE_DEFAULT;
	if (!machine->cmdline)
		machine->cmdline = CMDLINE_DEFAULT;
	if (!machine->cpus)
		machine->cpus = 1;
	if (!machine->memory)
		machine->memory = MEMORY_DEFAULT;
}

static void use_config(struct wr_machine_config *machine, const struct wr_config *config)
{
	if (!machine->kernel)
		machine->kernel = config->kernel;
	if (!machine->initrd)
		machine->initrd = config->initrd;
	if (!machine->cmdline)
		machine->cmdline = config->cmdline;
	if (!machine->cpus)
		machine->cpus = config->cpus;
	if (!machine->memory)
		machine->memory = config->memory;
}

static int read_config(struct request *request, struct wr_config *config)
{
	char path[512];

	if (wr_config_find(request->name, path, sizeof(path)) || wr_config_read(config, path))
		return -1;
	use_config(&request->machine, config);
	if (!request->machine.name)
		request->machine.name = request->name;
	if (!request->machine.kernel)
		return wr_error("%s: expected a line kernel = FILE", path);
	return 0;
}

static void ready(const char *id)
{
	wr_notify_ready();
	wr_detach_ready(id);
}

int wr_cmd_run(int argc, char **argv)
{
	struct request request = { 0 };
	struct wr_config config = { 0 };
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &request))
		return WR_STATUS_USAGE;
	if (request.name && read_config(&request, &config)) {
		wr_config_free(&config);
		return WR_STATUS_USAGE;
	}
	use_defaults(&request.machine);
	request.machine.ready = request.detach || getenv("NOTIFY_SOCKET") ? ready : NULL;
	if (request.detach && wr_detach_begin(request.log))
		return WR_STATUS_ERROR;
	status = wr_machine_run(&request.machine);
	wr_config_free(&config);
	return status;
}
