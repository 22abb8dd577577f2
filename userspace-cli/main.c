// SPDX-License-Identifier: GPL-2.0-only
/* The warren command: finds the subcommand in the table and hands over. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "status.h"
#include "util.h"

static const struct wr_command commands[] = {
	{ "run", "boot a kernel in a virtual machine", wr_cmd_run },
	{ "exec", "run a program for which /dev/kvm is /dev/warren", wr_cmd_exec },
	{ "console", "attach to the console of a guest that runs", wr_cmd_console },
	{ "stop", "press a guest's power button, cut its power if that does not help", wr_cmd_stop },
	{ "autostart", "start the machines that are configured to start with the host",
	  wr_cmd_autostart },
	{ "ps", "list virtual machines", wr_cmd_ps },
	{ "top", "show what virtual machines cost, live", wr_cmd_top },
	{ "stat", "show all that is known about a virtual machine", wr_cmd_stat },
	{ "events", "follow what happens to virtual machines", wr_cmd_events },
	{ "trace", "show each exit of a virtual machine, live or summed up", wr_cmd_trace },
	{ "pause", "stop guests for a while", wr_cmd_pause },
	{ "resume", "let paused guests run on", wr_cmd_resume },
	{ "kill", "end virtual machines at once", wr_cmd_kill },
	{ "doctor", "tell whether this machine can run Warren, and what to do if not",
	  wr_cmd_doctor },
};

static void print_help(FILE *out)
{
	size_t i;

	fputs("Usage: warren COMMAND [OPTION...]\n"
	      "Run virtual machines on the Warren hypervisor.\n\nCommands:\n", out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "  warren COMMAND --help   options of a command\n"
	      "  warren --version        version of this program\n", out);
}

static const struct wr_command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* What could not be written is no success, whatever the status says. */
static int written(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	wr_error("cannot write the output: %s", strerror(errno));
	return status ? status : WR_STATUS_ERROR;
}

static int run_command(const struct wr_command *command, int argc, char **argv)
{
	char name[64];

	/* argp takes the name in its messages from argv[0]. */
	snprintf(name, sizeof(name), "warren %s", command->name);
	argv[0] = name;
	argp_err_exit_status = WR_STATUS_USAGE;
	return written(command->main(argc, argv));
}

static int unknown_command(const char *name)
{
	wr_error("no command '%s'", name);
	wr_hint("see `warren --help` for what there is");
	return WR_STATUS_USAGE;
}

static int help_command(int argc, char **argv)
{
	const struct wr_command *command;

	if (argc < 2) {
		print_help(stdout);
		return written(WR_STATUS_OK);
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	argv[1] = (char *)"--help";
	return run_command(command, 2, argv);
}

/* Without this, a device could get the number of a standard stream that the caller closed. */
static void fill_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct wr_command *command;

	fill_standard_streams();
	if (argc < 2) {
		print_help(stderr);
		return WR_STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("warren " WARREN_VERSION);
		return written(WR_STATUS_OK);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help_command(argc - 1, argv + 1);
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	return run_command(command, argc - 1, argv + 1);
}
