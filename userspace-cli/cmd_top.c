// SPDX-License-Identifier: GPL-2.0-only
/* warren top: what VMs cost, live. */
#include <argp.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "follow.h"
#include "json.h"
#include "manage.h"
#include "rates.h"
#include "screen.h"
#include "status.h"
#include "words.h"

#define INTERVAL_DEFAULT 2000u
/* Lines that are not VMs: summary, an empty one, titles, how many did not fit */
#define LINES_OTHER 4

/**
 * struct top - what is asked for, and what was seen
 * @interval: ms between two looks
 * @count: end after so many pictures, 0: never
 * @batch: no screen, one picture below the other
 * @vms: at the last look
 * @rates: between the last two; as many as @vms
 */
struct top {
	unsigned int interval;
	unsigned long count;
	bool batch;
	bool json;
	enum wr_order order;
	struct wr_list vms;
	struct wr_rates *rates;
};

/* A look at the VMs: their rates since the one before. */
static int look(struct wr_netlink *link, struct top *top)
{
	struct wr_list now;
	int status = wr_netlink_vms(link, &now);
	struct wr_rates *rates;
	size_t i;

	if (status)
		goto err_free_now;
	rates = calloc(now.count + 1, sizeof(*rates));
	if (!rates) {
		wr_error("there is not enough memory");
		status = WR_STATUS_ERROR;
		goto err_free_now;
	}
	for (i = 0; i < now.count; i++)
		wr_rates(&rates[i], &top->vms, (struct wr_guest *)now.items + i);
	wr_rates_sort(rates, now.count, top->order);
	free(top->rates);
	free(top->vms.items);
	top->rates = rates;
	top->vms = now;
	return 0;

err_free_now:
	free(now.items);
	return status;
}

static void print_summary(const struct top *top, const char *eol, size_t columns)
{
	size_t i, running = 0, vcpus = 0;
	char memory[WR_TEXT_SIZE], clock[16], line[256];
	double exits = 0, cpu = 0;
	uint64_t bytes = 0;
	time_t now = time(NULL);

	for (i = 0; i < top->vms.count; i++) {
		const struct wr_rates *rates = &top->rates[i];

		running += rates->guest.state == WARREN_VM_RUNNING;
		vcpus += rates->guest.vcpus;
		bytes += rates->guest.memory;
		exits += rates->exits;
		cpu += rates->cpu;
	}
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	snprintf(line, sizeof(line),
		 "%s  %zu VM%s, %zu running, %zu vCPU%s, CPU %.1f%%, memory %s, %.0f exits/s",
		 clock, top->vms.count, top->vms.count == 1 ? "" : "s", running, vcpus,
		 vcpus == 1 ? "" : "s", cpu, wr_size_text(bytes, memory), exits);
	printf("%.*s%s\n%s\n", (int)columns, line, eol, eol);
}

static void add_rates(struct wr_table *table, const struct wr_rates *rates)
{
	const struct wr_guest *guest = &rates->guest;
	char text[512];

	wr_table_cell(table, WR_COLOUR_NONE, "%u", guest->id);
	wr_table_cell(table, WR_COLOUR_NONE, "%s", guest->name[0] ? guest->name : "-");
	wr_table_cell(table, wr_state_colour(guest->state), "%s", wr_vm_state_word(guest->state));
	wr_table_cell(table, WR_COLOUR_NONE, "%u", guest->vcpus);
	wr_table_cell(table, WR_COLOUR_NONE, "%.1f", rates->cpu);
	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_size_text(guest->memory, text));
	wr_table_cell(table, WR_COLOUR_NONE, "%.0f", rates->exits);
	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_rates_reasons(rates, text, sizeof(text)));
}

/* Without a screen, lines and columns are as many as it takes. */
static int print_picture(const struct top *top, const char *eol, size_t lines, size_t columns)
{
	static const struct wr_column titles[] = {
		{ "ID", true }, { "NAME", false }, { "STATE", false }, { "VCPUS", true },
		{ "CPU%", true }, { "MEMORY", true }, { "EXITS/S", true }, { "EXITS/S BY REASON", false },
	};
	struct wr_table table = {
		.columns = titles, .nr_columns = ARRAY_SIZE(titles), .eol = eol,
	};
	size_t i, shown = top->vms.count;
	int status;

	if (lines && shown + LINES_OTHER > lines)
		shown = lines > LINES_OTHER ? lines - LINES_OTHER : 0;
	print_summary(top, eol, columns ? columns : 256);
	for (i = 0; i < shown; i++)
		add_rates(&table, &top->rates[i]);
	status = wr_table_print(&table, true, columns);
	if (shown < top->vms.count)
		printf("(and %zu more)%s", top->vms.count - shown, eol);
	return status;
}

static struct json_object *rounded(double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.1f", value);
	return json_object_new_double_s(value, text);
}

static struct json_object *rates_json(const struct wr_rates *rates)
{
	struct json_object *object = wr_json_guest(&rates->guest);
	struct json_object *reasons = json_object_new_object();
	unsigned int i;

	json_object_object_del(object, "counters");
	json_object_object_add(object, "cpu_percent", rounded(rates->cpu));
	json_object_object_add(object, "exits_per_second", rounded(rates->exits));
	for (i = 0; i < WARREN_EXIT_NR; i++)
		if (rates->reasons[i] > 0)
			json_object_object_add(reasons, wr_exit_word(i),
					       rounded(rates->reasons[i]));
	json_object_object_add(object, "reasons_per_second", reasons);
	return object;
}

static void print_json(const struct top *top)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	struct timespec now;
	size_t i;

	clock_gettime(CLOCK_REALTIME, &now);
	for (i = 0; i < top->vms.count; i++)
		json_object_array_add(array, rates_json(&top->rates[i]));
	json_object_object_add(object, "time_ns",
			       json_object_new_uint64((uint64_t)now.tv_sec * 1000000000 +
						      (uint64_t)now.tv_nsec));
	json_object_object_add(object, "vms", array);
	wr_json_line(object);
}

static int print_screen(const struct top *top)
{
	size_t lines, columns;
	int status;

	wr_screen_size(&lines, &columns);
	wr_screen_begin();
	status = print_picture(top, WR_SCREEN_EOL, lines, columns);
	wr_screen_end();
	return status;
}

static int show(const struct top *top, bool more)
{
	int status = 0;

	if (top->json) {
		print_json(top);
	} else if (top->batch) {
		status = print_picture(top, "", 0, 0);
		if (more)
			putchar('\n');
		fflush(stdout);
	} else {
		status = print_screen(top);
	}
	return status;
}

/* Return: whether to go on. */
static bool on_key(struct top *top, int key)
{
	switch (tolower(key)) {
	case 'q':
		return false;
	case 'i':
		top->order = WR_ORDER_ID;
		break;
	case 'c':
		top->order = WR_ORDER_CPU;
		break;
	case 'e':
		top->order = WR_ORDER_EXITS;
		break;
	case 'm':
		top->order = WR_ORDER_MEMORY;
		break;
	default:
		return true;
	}
	wr_rates_sort(top->rates, top->vms.count, top->order);
	print_screen(top);
	return true;
}

/* Waits for the next look. Return: whether there is to be one. */
static bool wait_next(struct top *top)
{
	uint64_t deadline = wr_deadline(top->interval);
	int key;

	while (!wr_follow_stopped()) {
		int left = wr_left(deadline, -1);

		if (!left)
			return true;
		if (top->batch) {
			usleep((useconds_t)(left < 100 ? left : 100) * 1000);
			continue;
		}
		key = wr_screen_key(left);
		if (key < 0 || !on_key(top, key))
			return false;
	}
	return false;
}

static int run(struct wr_netlink *link, struct top *top)
{
	unsigned long shown;
	int status = look(link, top);

	/* What they did since they were made, for the time until there is something to compare with. */
	if (!status && !top->batch)
		status = print_screen(top);
	for (shown = 1; !status && wait_next(top); shown++) {
		status = look(link, top);
		if (!status)
			status = show(top, shown != top->count);
		if (shown == top->count)
			break;
	}
	return status;
}

enum top_option {
	OPT_JSON = 'j',
	OPT_BATCH = 'b',
	OPT_COUNT = 'n',
	OPT_INTERVAL = 'd',
	OPT_SORT = 's',
	OPT_ONCE = '1',
};

static const struct argp_option options[] = {
	{ "interval", OPT_INTERVAL, "SECONDS", 0, "time between two looks (default: 2)", 1 },
	{ "count", OPT_COUNT, "N", 0, "end after showing it N times", 1 },
	{ "batch", OPT_BATCH, NULL, 0, "no keys, no screen: for files and pipes", 1 },
	{ "once", OPT_ONCE, NULL, 0, "as --batch --count 1", 1 },
	{ "sort", OPT_SORT, "KEY", 0, "by id, cpu, exits or memory (default: cpu)", 1 },
	{ "json", OPT_JSON, NULL, 0, "each time as a JSON object on a line of its own", 1 },
	{ 0 },
};

static enum wr_order parse_order(struct argp_state *state, const char *arg)
{
	static const char * const words[] = {
		[WR_ORDER_ID] = "id",
		[WR_ORDER_CPU] = "cpu",
		[WR_ORDER_EXITS] = "exits",
		[WR_ORDER_MEMORY] = "memory",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], arg))
			return (enum wr_order)i;
	argp_error(state, "--sort %s is not one of id, cpu, exits, memory", arg);
	return WR_ORDER_ID;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top *top = state->input;

	switch (key) {
	case OPT_INTERVAL:
		top->interval = wr_parse_seconds(state, "interval", arg);
		return 0;
	case OPT_COUNT:
		top->count = wr_parse_number(state, "count", arg, 1, UINT32_MAX);
		return 0;
	case OPT_BATCH:
		top->batch = true;
		return 0;
	case OPT_ONCE:
		top->batch = true;
		top->count = 1;
		return 0;
	case OPT_SORT:
		top->order = parse_order(state, arg);
		return 0;
	case OPT_JSON:
		top->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show what your virtual machines cost, live: CPU, memory, exits per second by "
	       "reason; as root, everybody's."
	       "\vCPU is time in guests, percent of one CPU of the host. Without a terminal, as "
	       "--batch.\n\nKeys: q leaves; i, c, e, m sort by id, CPU, exits, memory.\n\n"
	       WR_STATUS_DOC,
};

int wr_cmd_top(int argc, char **argv)
{
	struct top top = { .interval = INTERVAL_DEFAULT, .order = WR_ORDER_CPU };
	struct wr_netlink link;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &top))
		return WR_STATUS_USAGE;
	status = wr_netlink_open(&link);
	if (status)
		return status;
	wr_follow_begin();
	top.batch = top.batch || top.json || wr_screen_enter();
	status = run(&link, &top);
	wr_screen_leave();
	/* The reason stood on the screen. */
	if (status && !top.batch)
		wr_hint("`warren top` could not go on; `warren ps` tells why");
	free(top.rates);
	free(top.vms.items);
	wr_netlink_close(&link);
	return status;
}
