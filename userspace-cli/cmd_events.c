// SPDX-License-Identifier: GPL-2.0-only
/* warren events: what happens, as it happens. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "follow.h"
#include "json.h"
#include "lookup.h"
#include "manage.h"
#include "status.h"
#include "words.h"

#define LOOK_MS 1000
#define REST_MS 200

/**
 * struct events - what is asked for, and how far it is
 * @vm: of which VM, NULL: of all
 * @id: its id
 * @count: end after so many, 0: never
 * @duration: ms, 0: for ever
 * @seen: how many were shown
 * @done: what was asked for has been seen
 */
struct events {
	const char *vm;
	uint32_t id;
	unsigned long count;
	unsigned int duration;
	bool json;
	unsigned long seen;
	bool done;
};

static enum wr_colour event_colour(uint32_t what)
{
	switch (what) {
	case 0:
	case WARREN_EVENT_CRASHED:
		return WR_COLOUR_RED;
	case WARREN_EVENT_STARTED:
	case WARREN_EVENT_RESUMED:
		return WR_COLOUR_GREEN;
	case WARREN_EVENT_PAUSED:
	case WARREN_EVENT_RESET:
		return WR_COLOUR_YELLOW;
	default:
		return WR_COLOUR_NONE;
	}
}

static void print_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s.%03u", text, (unsigned int)(ns / 1000000 % 1000));
}

/* The widest word is "vcpu-created". */
static void print_event(const struct wr_event *event)
{
	enum wr_colour colour = event_colour(event->what);

	print_time(event->time);
	printf("  %s%-12s%s  %4u  %s", colour ? wr_paint(colour) : "", wr_event_word(event->what),
	       colour ? wr_paint(WR_COLOUR_NONE) : "", event->vm,
	       event->name[0] ? event->name : "-");
	if (event->what == WARREN_EVENT_CREATED && event->pid)
		printf("  process %u", event->pid);
	if (event->vcpu >= 0)
		printf("  vCPU %lld", (long long)event->vcpu);
	if (event->reason)
		printf("  %s", wr_crash_word(event->reason));
	putchar('\n');
}

static void print_lost(uint64_t lost)
{
	printf("%s(%llu %s lost: they came faster than they were read)%s\n",
	       wr_paint(WR_COLOUR_RED), (unsigned long long)lost,
	       lost == 1 ? "event was" : "events were", wr_paint(WR_COLOUR_NONE));
}

static int show(const struct wr_event *event, void *context)
{
	struct events *events = context;

	/* Nobody knows which VMs the lost ones were about. */
	if (events->vm && event->what && event->vm != events->id)
		return 0;
	if (events->json)
		wr_json_line(wr_json_event(event));
	else if (event->what)
		print_event(event);
	else
		print_lost(event->lost);
	fflush(stdout);
	events->seen += event->what != 0;
	/* Nothing happens to one VM after its end. */
	events->done = (events->count && events->seen >= events->count) ||
		       (events->vm && event->what == WARREN_EVENT_DESTROYED);
	return events->done;
}

/*
 * The end of a VM may have come before anybody listened, or its event may be lost: so it is looked for from time to time. When
 * the VM has gone what is still to be read is read.
 */
static void look_for_end(struct wr_netlink *asking, const struct events *events, uint64_t *deadline, uint64_t *next)
{
	if (!events->vm || wr_now() < *next)
		return;
	*next = wr_deadline(LOOK_MS);
	if (wr_netlink_has(asking, events->id))
		return;
	*next = UINT64_MAX;
	*deadline = wr_deadline(REST_MS);
}

/* @asking: another way to the kernel, since one that listens is for nothing else. */
static int follow(struct wr_netlink *link, struct wr_netlink *asking, struct events *events)
{
	uint64_t deadline = wr_deadline(events->duration), next = 0;
	int status = wr_netlink_listen(link), left = -1;

	while (!status && left && !events->done && !wr_follow_stopped()) {
		look_for_end(asking, events, &deadline, &next);
		left = wr_left(deadline, events->vm ? LOOK_MS : -1);
		status = wr_netlink_receive(link, left, show, events);
	}
	return status;
}

enum events_option {
	OPT_JSON = 'j',
	OPT_COUNT = 'n',
	OPT_DURATION = 't',
};

static const struct argp_option options[] = {
	{ "count", OPT_COUNT, "N", 0, "end after N events", 1 },
	{ "duration", OPT_DURATION, "SECONDS", 0, "end after that time", 1 },
	{ "json", OPT_JSON, NULL, 0, "each event as a JSON object on a line of its own", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct events *events = state->input;

	switch (key) {
	case OPT_COUNT:
		events->count = wr_parse_number(state, "count", arg, 1, UINT32_MAX);
		return 0;
	case OPT_DURATION:
		events->duration = wr_parse_seconds(state, "duration", arg);
		return 0;
	case OPT_JSON:
		events->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (events->vm)
			argp_error(state, "one VM or all, not also '%s'", arg);
		events->vm = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[VM]",
	.doc = "Follow what happens to your virtual machines (or to one): created, named, vCPU "
	       "created, started, paused, resumed, reset, shut down, crashed, destroyed."
	       "\vIt goes on until Ctrl-c; for one VM, until its end. Who reads too slowly loses events and is told how many.\n\n"
	       WR_STATUS_DOC,
};

int wr_cmd_events(int argc, char **argv)
{
	struct events events = { 0 };
	struct wr_netlink link, asking;
	struct wr_guest guest;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &events))
		return WR_STATUS_USAGE;
	status = wr_netlink_open(&link);
	if (status)
		return status;
	status = wr_netlink_open(&asking);
	if (status)
		goto out_close_link;
	wr_follow_begin();
	if (events.vm) {
		status = wr_lookup(&asking, events.vm, &guest);
		events.id = guest.id;
	}
	if (!status)
		status = follow(&link, &asking, &events);
	wr_netlink_close(&asking);
out_close_link:
	wr_netlink_close(&link);
	return status;
}
