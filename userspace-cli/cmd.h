/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_CMD_H
#define WARREN_CLI_CMD_H

/**
 * struct wr_command - a subcommand, one row of the table in main.c
 * @name: what the user types
 * @summary: one line for `warren --help`
 * @main: runs it; argv[0] is "warren NAME" for messages; returns the exit status
 */
struct wr_command {
	const char *name;
	const char *summary;
	int (*main)(int argc, char **argv);
};

int wr_cmd_run(int argc, char **argv);
int wr_cmd_doctor(int argc, char **argv);
int wr_cmd_exec(int argc, char **argv);
int wr_cmd_console(int argc, char **argv);
int wr_cmd_stop(int argc, char **argv);
int wr_cmd_autostart(int argc, char **argv);
int wr_cmd_ps(int argc, char **argv);
int wr_cmd_top(int argc, char **argv);
int wr_cmd_stat(int argc, char **argv);
int wr_cmd_events(int argc, char **argv);
int wr_cmd_trace(int argc, char **argv);
int wr_cmd_pause(int argc, char **argv);
int wr_cmd_resume(int argc, char **argv);
int wr_cmd_kill(int argc, char **argv);

#endif
