/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark: each row measures one path on the device under test, in ticks of the TSC. Under
 * "-icount shift=0" those are instructions.
 */
#ifndef BENCH_H
#define BENCH_H

#include <time.h>

#include "guest.h"
#include "vm.h"

struct row {
	const char *name;
	/* Ticks (or KiB) for one operation. */
	u64 (*measure)(void);
};

extern const struct row exit_rows[], memory_rows[];

/* Rows that tell what a trace ring costs: with --traced the vCPUs of exit_rows have one. */
extern bool traced;

/* Runs the vCPU to the guest's end; ticks between the calls that start and end it. */
u64 ticks_of_run(struct vcpu *v);

/* What a clock of CPU time (of a thread, of a process) stands at, in ticks of the TSC. */
u64 ticks_of_clock(clockid_t clock);

/* bench [--traced] boot MARKER -- COMMAND...: prints the ticks that COMMAND runs until MARKER's line. */
int boot_main(int argc, char **argv);

#endif
