/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark: each row measures one path on the device under test, in ticks of the TSC. Under
 * "-icount shift=0" those are instructions.
 */
#ifndef BENCH_H
#define BENCH_H

#include "guest.h"
#include "vm.h"

struct row {
	const char *name;
	/* Ticks (or KiB) for one operation. */
	u64 (*measure)(void);
	/* The most of the runs counts, not the least: an earlier run's rest only makes it less. */
	bool most;
};

extern const struct row exit_rows[], memory_rows[];

/* Runs the vCPU to the guest's end; ticks between the calls that start and end it. */
u64 ticks_of_run(struct vcpu *v);

/* bench boot MARKER -- COMMAND...: prints ticks from the start of COMMAND to MARKER's line. */
int boot_main(int argc, char **argv);

#endif
