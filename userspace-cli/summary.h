/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_SUMMARY_H
#define WARREN_CLI_SUMMARY_H

#include "histogram.h"
#include "trace.h"

struct json_object;

/**
 * struct wr_summary - exits, summed up by reason
 * @exits: how many
 * @lost: how many were not seen
 * @guest_ns: time in the guest before them
 * @vcpus: how many were traced
 * @seconds: how long
 * @host: by enum warren_exit, time in the host; exits of which it is not known are in @counts only
 * @counts: by enum warren_exit
 */
struct wr_summary {
	uint64_t exits;
	uint64_t lost;
	uint64_t guest_ns;
	size_t vcpus;
	double seconds;
	struct wr_histogram host[WARREN_EXIT_NR];
	uint64_t counts[WARREN_EXIT_NR];
};

/**
 * wr_summary_add() - count an exit or a gap
 * @summary: zeroed before the first
 * @exit: the exit
 */
void wr_summary_add(struct wr_summary *summary, const struct wr_exit *exit);

/**
 * wr_summary_print() - write it as a table
 * @summary: filled
 * @title: of the VM
 *
 * Return: 0, or after a message an exit status.
 */
int wr_summary_print(const struct wr_summary *summary, const char *title);

/**
 * wr_summary_json() - as JSON
 * @summary: filled
 * @guest: the VM
 *
 * Return: new object.
 */
struct json_object *wr_summary_json(const struct wr_summary *summary,
				    const struct wr_guest *guest);

#endif
