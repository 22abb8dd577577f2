/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_MACHINE_H
#define WARREN_CLI_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/**
 * struct wr_machine_config - what the user asked for
 * @device: hypervisor device
 * @kernel: path
 * @initrd: path, or NULL
 * @cmdline: kernel command line
 * @cpus: number of vCPUs
 * @memory: bytes
 * @timeout: seconds, 0 for none
 * @name: of the VM, or NULL
 * @ready: the guest runs; @id is what others may call it, valid for the call only. Or NULL
 * @debug_exit: connect the port by which a guest chooses the exit status
 */
struct wr_machine_config {
	const char *device;
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	unsigned int cpus;
	uint64_t memory;
	unsigned int timeout;
	const char *name;
	void (*ready)(const char *id);
	bool debug_exit;
};

/**
 * wr_machine_run() - build the machine, run it to its end, take it apart
 * @config: what the user asked for
 *
 * Does not return if the end is a signal: the process then dies of it.
 * Return: exit status, one of enum wr_status or the guest's own by the debug-exit port.
 */
int wr_machine_run(const struct wr_machine_config *config);

#endif
