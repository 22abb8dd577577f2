// SPDX-License-Identifier: GPL-2.0-only
/* warren autostart: starts the services of those machines whose configuration says so. */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "config.h"
#include "json.h"
#include "status.h"
#include "util.h"

enum { OPT_LIST = 'l', OPT_JSON = 'j', OPT_DIRECTORY = 0x100 };

struct request {
	const char *directory;
	bool list;
	struct json_object *names;	/* with --json: of those in the list */
};

static const struct argp_option options[] = {
	{ "list", OPT_LIST, NULL, 0, "print their names and start nothing", 1 },
	{ "json", OPT_JSON, NULL, 0, "the list as a JSON array", 1 },
	{ "directory", OPT_DIRECTORY, "PATH", OPTION_HIDDEN, "look there (for tests)", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case OPT_LIST:
		request->list = true;
		return 0;
	case OPT_JSON:
		if (!request->names)
			request->names = json_object_new_array();
		request->list = true;
		return 0;
	case OPT_DIRECTORY:
		request->directory = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Start the service warren@NAME of each " WR_CONFIG_DIR "/NAME.conf that says"
	       " `autostart = yes`. The service warren-autostart does this when the host starts.\v"
	       "Exit status:\n"
	       "  0  all were started\n"
	       "  1  some could not be, or their configuration is wrong\n"
	       "  2  wrong usage",
};

/* Does not wait until it runs: the service manager may itself be waiting for us. */
static int start_service(const char *name)
{
	char unit[128];
	char *argv[] = { "systemctl", "start", "--no-block", unit, NULL };
	int status, error;
	pid_t pid;

	snprintf(unit, sizeof(unit), "warren@%s.service", name);
	error = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (error)
		return wr_error("cannot run systemctl: %s", strerror(error));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return wr_error("cannot start %s", unit);
	return 0;
}

static int consider(const struct request *request, const char *name)
{
	struct wr_config config;
	char path[512];
	int error;

	snprintf(path, sizeof(path), "%s/%s.conf", request->directory, name);
	error = wr_config_read(&config, path);
	if (!error && config.autostart) {
		if (request->names)
			json_object_array_add(request->names, json_object_new_string(name));
		else if (request->list)
			puts(name);
		else
			error = start_service(name);
	}
	wr_config_free(&config);
	return error;
}

static int is_config(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".conf");
}

static int consider_entry(const struct request *request, char *name)
{
	name[strlen(name) - 5] = '\0';
	if (wr_config_is_name(name))
		return consider(request, name);
	return wr_error("%s/%s.conf: expected a name of letters, digits and . _ -, the first a letter",
			request->directory, name);
}

static int consider_all(const struct request *request, struct dirent **entries, int count)
{
	int i, status = WR_STATUS_OK;

	for (i = 0; i < count; i++) {
		if (consider_entry(request, entries[i]->d_name))
			status = WR_STATUS_ERROR;
		free(entries[i]);
	}
	free(entries);
	return status;
}

int wr_cmd_autostart(int argc, char **argv)
{
	struct request request = { .directory = WR_CONFIG_DIR };
	struct dirent **entries;
	int count, status = WR_STATUS_OK;

	if (argp_parse(&argp, argc, argv, 0, NULL, &request))
		return WR_STATUS_USAGE;
	count = scandir(request.directory, &entries, is_config, alphasort);
	if (count >= 0) {
		status = consider_all(&request, entries, count);
	} else if (errno != ENOENT) {
		wr_error("cannot read %s: %s", request.directory, strerror(errno));
		status = WR_STATUS_ERROR;
	}
	if (request.names)
		wr_json_print(request.names);
	return status;
}
