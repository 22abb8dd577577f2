// SPDX-License-Identifier: GPL-2.0-only
/* warren trace --summary */
#include "summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "table.h"
#include "words.h"

/* Characters of the longest bar */
#define BAR 24

static const unsigned int percentiles[] = { 50, 90, 99 };

void wr_summary_add(struct wr_summary *summary, const struct wr_exit *exit)
{
	uint32_t reason = exit->entry.reason;

	summary->lost += exit->lost;
	if (exit->lost)
		return;
	if (reason >= WARREN_EXIT_NR)
		reason = WARREN_EXIT_OTHER;
	summary->exits++;
	summary->counts[reason]++;
	summary->guest_ns += exit->guest_ns;
	if (exit->host_ns >= 0)
		wr_histogram_add(&summary->host[reason], (uint64_t)exit->host_ns);
}

static double share(const struct wr_summary *summary, unsigned int reason)
{
	return (double)summary->counts[reason] / (double)summary->exits;
}

static void add_time(struct wr_table *table, uint64_t ns, uint64_t count)
{
	char text[WR_TEXT_SIZE];

	wr_table_cell(table, WR_COLOUR_NONE, "%s", count ? wr_time_text(ns, text) : "-");
}

static void add_reason(struct wr_table *table, const struct wr_summary *summary,
		       unsigned int reason)
{
	const struct wr_histogram *host = &summary->host[reason];
	double part = share(summary, reason);
	char bar[BAR + 1];
	size_t i;

	memset(bar, '#', BAR);
	bar[(size_t)(part * BAR + 0.5)] = '\0';
	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_exit_word(reason));
	wr_table_cell(table, WR_COLOUR_NONE, "%llu", (unsigned long long)summary->counts[reason]);
	wr_table_cell(table, WR_COLOUR_NONE, "%.1f%%", 100 * part);
	add_time(table, host->sum, host->count);
	add_time(table, wr_histogram_mean(host), host->count);
	for (i = 0; i < ARRAY_SIZE(percentiles); i++)
		add_time(table, wr_histogram_percentile(host, percentiles[i]), host->count);
	add_time(table, host->max, host->count);
	wr_table_cell(table, WR_COLOUR_NONE, "%s", bar);
}

int wr_summary_print(const struct wr_summary *summary, const char *title)
{
	static const struct wr_column columns[] = {
		{ "EXIT", false }, { "COUNT", true }, { "SHARE", true }, { "IN HOST", true },
		{ "MEAN", true }, { "50%", true }, { "90%", true }, { "99%", true },
		{ "MAX", true }, { "", false },
	};
	struct wr_table table = { .columns = columns, .nr_columns = ARRAY_SIZE(columns) };
	unsigned int order[WARREN_EXIT_NR], nr = wr_reasons_order(summary->counts, order), i;
	char text[WR_TEXT_SIZE];

	printf("%s: %llu exits of %zu vCPU%s in %.1f s, %s in the guest", title,
	       (unsigned long long)summary->exits, summary->vcpus,
	       summary->vcpus == 1 ? "" : "s", summary->seconds,
	       wr_time_text(summary->guest_ns, text));
	if (summary->lost)
		printf("; %s%llu exits were lost%s", wr_paint(WR_COLOUR_RED),
		       (unsigned long long)summary->lost, wr_paint(WR_COLOUR_NONE));
	puts("\n");
	for (i = 0; i < nr; i++)
		add_reason(&table, summary, order[i]);
	return wr_table_print(&table, true, 0);
}

static struct json_object *reason_json(const struct wr_summary *summary, unsigned int reason)
{
	const struct wr_histogram *host = &summary->host[reason];
	struct json_object *object = json_object_new_object(), *times = json_object_new_object();
	char key[16];
	size_t i;

	json_object_object_add(object, "reason", json_object_new_string(wr_exit_word(reason)));
	wr_json_u64(object, "count", summary->counts[reason]);
	snprintf(key, sizeof(key), "%.4f", share(summary, reason));
	json_object_object_add(object, "share",
			       json_object_new_double_s(share(summary, reason), key));
	wr_json_u64(times, "sum", host->sum);
	wr_json_u64(times, "mean", wr_histogram_mean(host));
	for (i = 0; i < ARRAY_SIZE(percentiles); i++) {
		snprintf(key, sizeof(key), "p%u", percentiles[i]);
		wr_json_u64(times, key, wr_histogram_percentile(host, percentiles[i]));
	}
	wr_json_u64(times, "max", host->max);
	json_object_object_add(object, "host_ns", times);
	return object;
}

struct json_object *wr_summary_json(const struct wr_summary *summary,
				    const struct wr_guest *guest)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	unsigned int order[WARREN_EXIT_NR], nr = wr_reasons_order(summary->counts, order), i;

	wr_json_u64(object, "vm", guest->id);
	json_object_object_add(object, "name", wr_json_text(guest->name));
	wr_json_u64(object, "vcpus", summary->vcpus);
	wr_json_u64(object, "duration_ms", (uint64_t)(summary->seconds * 1000));
	wr_json_u64(object, "exits", summary->exits);
	wr_json_u64(object, "lost", summary->lost);
	wr_json_u64(object, "guest_ns", summary->guest_ns);
	for (i = 0; i < nr; i++)
		json_object_array_add(array, reason_json(summary, order[i]));
	json_object_object_add(object, "reasons", array);
	return object;
}
