// SPDX-License-Identifier: GPL-2.0-only
#include "manage.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "lookup.h"
#include "status.h"
#include "util.h"

#define SECONDS_MAX 31536000

enum wr_colour wr_state_colour(uint32_t state)
{
	switch (state) {
	case WARREN_VM_RUNNING:
		return WR_COLOUR_GREEN;
	case WARREN_VM_PAUSED:
		return WR_COLOUR_YELLOW;
	case WARREN_VM_CRASHED:
		return WR_COLOUR_RED;
	default:
		return WR_COLOUR_NONE;
	}
}

unsigned int wr_parse_seconds(struct argp_state *state, const char *name, const char *arg)
{
	double seconds = 0;
	char *end = (char *)arg;

	/* strtod() takes much that is no duration. */
	if (isdigit((unsigned char)*arg))
		seconds = strtod(arg, &end);
	if (end == arg || *end || !(seconds >= 0.01 && seconds <= SECONDS_MAX))
		argp_error(state, "--%s %s is not a number of seconds from 0.01 to %d", name, arg,
			   SECONDS_MAX);
	return (unsigned int)(seconds * 1000 + 0.5);
}

unsigned long wr_parse_number(struct argp_state *state, const char *name, const char *arg,
			      unsigned long min, unsigned long max)
{
	unsigned long value = 0;

	if (wr_parse_count(arg, min, max, &value))
		argp_error(state, "--%s %s is not a number from %lu to %lu", name, arg, min, max);
	return value;
}

struct request {
	char **vms;
	int nr_vms;
	bool json;
};

enum act_option {
	OPT_JSON = 'j',
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "what was done as a JSON array", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	(void)arg;
	switch (key) {
	case OPT_JSON:
		request->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		request->vms = state->argv + state->next;
		request->nr_vms = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name a VM: its id or its name, as `warren ps` shows them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void tell(const struct wr_act *act, const struct wr_guest *guest, struct json_object *array)
{
	struct json_object *object;
	char title[128];

	if (!array) {
		printf("%s %s\n", wr_guest_title(guest, title, sizeof(title)), act->done);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "id", json_object_new_uint64(guest->id));
	json_object_object_add(object, "name", wr_json_text(guest->name));
	json_object_object_add(object, "done", json_object_new_string(act->done));
	json_object_array_add(array, object);
}

static int act_on(const struct wr_act *act, struct wr_netlink *link, const char *vm,
		  struct json_object *array)
{
	struct wr_guest guest;
	int status = wr_lookup(link, vm, &guest);

	if (!status)
		status = act->act(link, &guest);
	if (!status)
		tell(act, &guest, array);
	return status;
}

int wr_act_main(const struct wr_act *act, int argc, char **argv)
{
	struct argp argp = {
		.options = options, .parser = parse, .args_doc = "VM...", .doc = act->argp_doc,
	};
	struct json_object *array = NULL;
	struct request request = { 0 };
	struct wr_netlink link;
	int i, status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &request))
		return WR_STATUS_USAGE;
	status = wr_netlink_open(&link);
	if (status)
		return status;
	if (request.json)
		array = json_object_new_array();
	for (i = 0; i < request.nr_vms; i++) {
		int one = act_on(act, &link, request.vms[i], array);

		status = status ? status : one;
	}
	if (array)
		wr_json_print(array);
	wr_netlink_close(&link);
	return status;
}
