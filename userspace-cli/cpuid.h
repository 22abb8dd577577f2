/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_CPUID_H
#define WARREN_CLI_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>

/* What wr_cpuid_adjust() may add to a table. */
#define WR_CPUID_EXTRA 3

/**
 * struct wr_cpuid_place - where a vCPU is
 * @apic_id: its number
 * @count: how many there are: one socket of so many cores, one thread each
 * @tsc_deadline: the local APIC has the TSC deadline timer
 */
struct wr_cpuid_place {
	unsigned int apic_id;
	unsigned int count;
	bool tsc_deadline;
};

/**
 * wr_cpuid_supported() - what the device offers
 * @sys_fd: the device
 *
 * Return: table with space for WR_CPUID_EXTRA more, to be freed; or NULL with errno.
 */
struct kvm_cpuid2 *wr_cpuid_supported(int sys_fd);

/**
 * wr_cpuid_adjust() - make an offered table that of one vCPU
 * @table: with space for WR_CPUID_EXTRA more entries
 * @place: where the vCPU is
 */
void wr_cpuid_adjust(struct kvm_cpuid2 *table, const struct wr_cpuid_place *place);

#endif
