// SPDX-License-Identifier: GPL-2.0-only
/* warren run: the command line. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
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
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "end the guest after so long, with status 6", 3 },
	{ "debug-exit", OPT_DEBUG_EXIT, NULL, 0,
	  "a byte that the guest writes to port 0xf4 ends it and is the exit status", 3 },
	{ 0 },
};

static void bad_size(struct argp_state *state, const char *arg, int error)
{
	if (error == -ERANGE)
		argp_error(state, "--memory %s is more than any machine has", arg);
	else
		argp_error(state, "--memory %s is no size; 512M and 2G are", arg);
}

static void set_memory(struct argp_state *state, const char *arg)
{
	struct wr_machine_config *config = state->input;
	int error = wr_parse_size(arg, &config->memory);

	if (error)
		bad_size(state, arg, error);
	else if (config->memory % 4096)
		argp_error(state, "--memory %s is not a multiple of 4K", arg);
	else if (config->memory < WR_MEMORY_MIN)
		argp_error(state, "--memory %s is too little; 4M is the least, Linux wants 64M or more",
			   arg);
	else if (config->memory > WR_MEMORY_MAX)
		argp_error(state, "--memory %s is too much; 1T is the most", arg);
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wr_machine_config *config = state->input;

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
		set_memory(state, arg);
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
	case ARGP_KEY_END:
		if (!config->kernel)
			argp_error(state, "--kernel FILE is needed, such as /boot/vmlinuz-*");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Boot a kernel in a virtual machine, with its serial line on the terminal."
	       "\vKeys: Ctrl-a x leaves, Ctrl-a p presses the power button, Ctrl-a h lists them.\n\n"
	       "Exit status:\n"
	       "  0  the guest powered off\n"
	       "  1  it could not be set up\n"
	       "  2  wrong usage\n"
	       "  3  the guest asked for a reboot\n"
	       "  4  the guest crashed; its registers are on standard error\n"
	       "  5  left by Ctrl-a x\n"
	       "  6  timeout\n"
	       "  128+N  ended by signal N",
};

int wr_cmd_run(int argc, char **argv)
{
	struct wr_machine_config config = {
		.device = WR_DEVICE_DEFAULT,
		.cmdline = CMDLINE_DEFAULT,
		.cpus = 1,
		.memory = MEMORY_DEFAULT,
	};

	if (argp_parse(&argp, argc, argv, 0, NULL, &config))
		return WR_STATUS_USAGE;
	return wr_machine_run(&config);
}
