// SPDX-License-Identifier: GPL-2.0-only
/* warren stop: the power button, and the power cut for a guest that ignores it. */
#include <argp.h>
#include <string.h>

#include "client.h"
#include "cmd.h"
#include "follow.h"
#include "json.h"
#include "status.h"
#include "util.h"

#define TIMEOUT_DEFAULT 30
#define TIMEOUT_MAX 86400
#define FORCE_S 10
#define TRIES 5

enum { OPT_TIMEOUT = 't', OPT_JSON = 'j' };

struct request {
	const char *who;
	unsigned long timeout;		/* seconds */
	bool json;
};

static const struct argp_option options[] = {
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
	  "cut the power if the guest has not powered off after so long (default: 30); 0 cuts it at"
	  " once", 1 },
	{ "json", OPT_JSON, NULL, 0, "how it ended as a JSON object", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case OPT_TIMEOUT:
		if (wr_parse_count(arg, 0, TIMEOUT_MAX, &request->timeout))
			argp_error(state, "--timeout %s is not a number from 0 to %d", arg,
				   TIMEOUT_MAX);
		return 0;
	case OPT_JSON:
		request->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (request->who)
			argp_error(state, "one VM at a time");
		request->who = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which VM? `warren ps` lists them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VM",
	.doc = "End a guest that `warren run` runs: press its power button, and cut its power if that"
	       " does not help. VM is its id or name.\v"
	       "Returns when the guest has ended.\n\n"
	       "Exit status:\n"
	       "  0  it has ended; a message tells if that was a reset or a crash\n"
	       "  1  it could not be reached\n"
	       "  2  wrong usage\n"
	       "  6  it did not power off in time: its power was cut\n"
	       "  7  there is no such VM\n"
	       "  8  the module is not loaded",
};

/* As wr_client_ask(), but when our connection makes room for another the request is made again. */
static int ask(struct wr_client *client, enum wr_frame_type type)
{
	int tries, error = WR_CLIENT_HUNG_UP;

	for (tries = 0; tries < TRIES; tries++) {
		error = wr_client_ask(client, type);
		if (error != WR_CLIENT_HUNG_UP)
			return error;
		error = wr_client_reopen(client);
		if (error)
			return error;
	}
	return wr_error("the launcher of %s hangs up", client->label);
}

/* Returns WR_CLIENT_ENDED, 0 if the machine has not ended within that time, -1 after an error message. */
static int wait_for_end(struct wr_client *client, unsigned long seconds)
{
	uint64_t deadline = wr_now() + 1000 * (uint64_t)seconds;
	struct wr_frame frame;
	int n, left, error = 0;

	while (!error && (left = wr_left(deadline, -1))) {
		n = wr_client_wait(client, &frame, left);
		if (n == 1 && wr_client_ended(client, &frame))
			error = WR_CLIENT_ENDED;
		else if (n < 0)
			error = wr_client_reopen(client);
	}
	return error;
}

static int ended(const struct wr_client *client)
{
	if (client->ended == WR_STATUS_REBOOT)
		wr_error("%s has not powered off: it asked for a reset", client->label);
	else if (client->ended == WR_STATUS_CRASH)
		wr_error("%s has not powered off: it crashed", client->label);
	return WR_STATUS_OK;
}

static int force(struct wr_client *client)
{
	int error = ask(client, WR_FRAME_FORCE);

	if (!error)
		error = wait_for_end(client, FORCE_S);
	if (error == WR_CLIENT_ENDED)
		return WR_STATUS_OK;
	wr_error("%s does not end", client->label);
	wr_hint("end its launcher: kill -9 %u", client->pid);
	return WR_STATUS_ERROR;
}

static int stop(struct wr_client *client, const struct request *request)
{
	int error, status;

	if (!request->timeout)
		return force(client);
	error = ask(client, WR_FRAME_POWER_BUTTON);
	if (!error)
		error = wait_for_end(client, request->timeout);
	if (error == WR_CLIENT_ENDED)
		return ended(client);
	if (error)
		return WR_STATUS_ERROR;
	wr_error("%s has not powered off within %lu s: its power is cut", client->label,
		 request->timeout);
	status = force(client);
	return status ? status : WR_STATUS_TIMEOUT;
}

static void print_json(const struct wr_client *client, int status)
{
	struct json_object *object = json_object_new_object();
	const char *done = "powered-off";

	if (status || client->ended == WR_STATUS_ESCAPE)
		done = "power-cut";
	else if (client->ended == WR_STATUS_REBOOT)
		done = "reset";
	else if (client->ended == WR_STATUS_CRASH)
		done = "crashed";
	json_object_object_add(object, "id", wr_json_id(client->hello.id));
	json_object_object_add(object, "name", wr_json_text(client->hello.name));
	json_object_object_add(object, "done", json_object_new_string(done));
	wr_json_print(object);
}

int wr_cmd_stop(int argc, char **argv)
{
	struct request request = { .timeout = TIMEOUT_DEFAULT };
	struct wr_client client;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &request))
		return WR_STATUS_USAGE;
	status = wr_client_open(&client, request.who);
	if (status)
		return status;
	status = stop(&client, &request);
	if (request.json && (!status || status == WR_STATUS_TIMEOUT))
		print_json(&client, status);
	wr_link_close(&client.link);
	return status;
}
